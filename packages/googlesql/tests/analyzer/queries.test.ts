import { describe, expect, test } from "vitest";
import { code, rows, types } from "./support.ts";

const people = `
  WITH people AS (
    SELECT 1 AS id, 'ann' AS name, 10 AS points UNION ALL SELECT 2, 'bob', NULL UNION ALL
    SELECT 3, 'cat', 30 UNION ALL SELECT 4, 'bob', 5),
  orders AS (SELECT 1 AS id, 'x' AS item UNION ALL SELECT 1, 'y' UNION ALL SELECT 9, 'z')`;

/** Queries over the two tables above, and their rows. */
const queries: Readonly<Record<string, readonly string[]>> = {
  "SELECT name, points FROM people ORDER BY points": ["bob | NULL", "bob | 5", "ann | 10", "cat | 30"],
  "SELECT name FROM people ORDER BY points DESC": ["cat", "ann", "bob", "bob"],
  "SELECT name FROM people ORDER BY points DESC NULLS FIRST LIMIT 1": ["bob"],
  "SELECT name, SUM(points), COUNT(*) AS c FROM people GROUP BY name HAVING c > 1": ["bob | 5 | 2"],
  "SELECT UPPER(name) AS n, COUNT(*) FROM people GROUP BY n ORDER BY 2 DESC, n LIMIT 1": ["BOB | 2"],
  "SELECT UPPER(name), COUNT(*) FROM people GROUP BY UPPER(name) ORDER BY 1": ["ANN | 1", "BOB | 2", "CAT | 1"],
  "SELECT name, SUM(points) FROM people GROUP BY ROLLUP(name) ORDER BY name, 2": [
    "NULL | 45",
    "ann | 10",
    "bob | 5",
    "cat | 30",
  ],
  "SELECT * FROM people JOIN orders USING (id) ORDER BY item": ["1 | ann | 10 | x", "1 | ann | 10 | y"],
  "SELECT id, name, item FROM people FULL JOIN orders USING (id) WHERE id > 3 ORDER BY id": [
    "4 | bob | NULL",
    "9 | NULL | z",
  ],
  "SELECT p.*, o.item FROM people p LEFT JOIN orders o ON p.id = o.id WHERE p.id = 2": ["2 | bob | NULL | NULL"],
  "SELECT * EXCEPT (points) REPLACE (id * 2 AS id) FROM people ORDER BY id LIMIT 1": ["2 | ann"],
  "SELECT name FROM people WHERE EXISTS (SELECT 1 FROM orders o WHERE o.id = people.id)": ["ann"],
  "SELECT name, (SELECT COUNT(*) FROM orders o WHERE o.id = people.id) FROM people WHERE id < 3 ORDER BY id": [
    "ann | 2",
    "bob | 0",
  ],
  "SELECT id, ROW_NUMBER() OVER (PARTITION BY name ORDER BY id DESC) AS r FROM people QUALIFY r = 1 ORDER BY id": [
    "1 | 1",
    "3 | 1",
    "4 | 1",
  ],
  "SELECT id, SUM(points) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM people ORDER BY id": [
    "1 | 10",
    "2 | 10",
    "3 | 30",
    "4 | 35",
  ],
  "SELECT id, SUM(points) OVER w FROM people WINDOW w AS (ORDER BY id) ORDER BY id DESC LIMIT 1": ["4 | 45"],
  "SELECT DISTINCT name FROM people ORDER BY name DESC": ["cat", "bob", "ann"],
  "SELECT p FROM people AS p WHERE p.id = 1": ["(1, ann, 10)"],
  "SELECT id FROM people INTERSECT DISTINCT SELECT id FROM orders": ["1"],
  "SELECT x, o FROM UNNEST(['a', 'b']) AS x WITH OFFSET AS o ORDER BY o DESC": ["b | 1", "a | 0"],
  "SELECT name, x FROM people, UNNEST([id, id * 10]) AS x WHERE id = 2 ORDER BY x": ["bob | 2", "bob | 20"],
  "SELECT * FROM (SELECT name, id FROM people) PIVOT(COUNT(*) AS n FOR name IN ('ann', 'bob' AS b)) ORDER BY id LIMIT 2":
    ["1 | 1 | 0", "2 | 0 | 1"],
  "SELECT * FROM (SELECT 1 AS k, 5 AS a, NULL AS b) UNPIVOT(v FOR n IN (a, b AS 'BB'))": ["1 | 5 | a"],
  "FROM people |> WHERE points > 5 |> AGGREGATE COUNT(*) AS c, MAX(points) AS m": ["2 | 30"],
  "FROM people |> EXTEND points * 2 AS d |> SELECT id, d |> ORDER BY d DESC |> LIMIT 1": ["3 | 60"],
  "SELECT AS STRUCT id, name FROM people WHERE id = 1": ["1 | ann"],
  "SELECT id FROM people WHERE (id, name) IN (SELECT AS STRUCT 3, 'cat')": ["3"],
};

describe("a query gives GoogleSQL's rows", () => {
  test.each(Object.entries(queries))("%s", async (query, expected) => {
    expect(await rows(`${people} ${query}`)).toEqual(expected);
  });
});

test("when a CTE names itself, it runs to its fixed point", async () => {
  expect(
    await rows("WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 4) SELECT SUM(n) FROM t"),
  ).toEqual(["10"]);
});

test("when floats are grouped, NaN is one group and sorts after NULL", async () => {
  const sql =
    "SELECT x, COUNT(*) FROM UNNEST([CAST('nan' AS FLOAT64), 1, NULL, CAST('nan' AS FLOAT64)]) AS x GROUP BY x ORDER BY x";
  expect(await rows(sql)).toEqual(["NULL | 1", "NaN | 2", "1 | 1"]);
});

test("when sets are joined, their columns take the common type", async () => {
  expect(await types("SELECT 1 AS a, NULL AS b UNION ALL SELECT NUMERIC '2.5', 'x'")).toBe("a NUMERIC, b STRING");
});

test("when what is selected is neither grouped nor aggregated, it is an error", async () => {
  for (const query of [
    "SELECT name, points FROM people GROUP BY name",
    "SELECT * FROM people GROUP BY name",
    "SELECT name FROM people GROUP BY name ORDER BY points",
    "SELECT name FROM people GROUP BY name HAVING points > 1",
    "SELECT name FROM people GROUP BY COUNT(*)",
    "SELECT name FROM people QUALIFY id = 1",
    "SELECT DISTINCT name FROM people ORDER BY id",
    "SELECT id FROM people JOIN orders USING (nope)",
    "SELECT id FROM people JOIN orders ON true",
    "SELECT * EXCEPT (nope) FROM people",
    "SELECT name FROM people ORDER BY 2",
  ]) {
    expect([query, await code(`${people} ${query}`)]).toEqual([query, "sql.analysis"]);
  }
});

import { sql } from "kysely";
import { expect, test } from "vitest";
import { queryBuilder } from "../../../warehouse/kysely/googlesql-dialect.ts";
import type { QueryOptions } from "../../../warehouse/warehouse.ts";

interface Tables {
  "monitoring.kpis_daily": { sent_date: string; isp: string; sends: bigint; "odd`name": string };
}

function recordingWarehouse() {
  const asked: { sql: string; params: unknown }[] = [];
  const warehouse = {
    query: async (text: string, options: QueryOptions = {}) => {
      asked.push({ sql: text, params: options.params });
      return { columns: [], rows: [{ isp: "gmail" }] };
    },
  };
  return { asked, db: queryBuilder<Tables>(warehouse) };
}

test("when a query is built then it reaches the warehouse as GoogleSQL with named parameters", async () => {
  const { asked, db } = recordingWarehouse();
  const rows = await db
    .selectFrom("monitoring.kpis_daily")
    .select(["isp", (e) => e.fn.sum<bigint>("sends").as("sends")])
    .where("isp", "in", ["gmail", "yahoo"])
    .where("sends", ">", 10n)
    .groupBy("isp")
    .orderBy("isp")
    .limit(3)
    .execute();
  expect(rows).toEqual([{ isp: "gmail" }]);
  expect(asked).toEqual([
    {
      sql: "select `isp`, sum(`sends`) as `sends` from `monitoring`.`kpis_daily` where `isp` in (@p1, @p2) and `sends` > @p3 group by `isp` order by `isp` limit @p4",
      params: { p1: "gmail", p2: "yahoo", p3: 10n, p4: 3 },
    },
  ]);
});

test("when a literal or a name holds quotes, backslashes or line ends then they are escaped as GoogleSQL wants", () => {
  const { db } = recordingWarehouse();
  const compiled = db
    .selectFrom("monitoring.kpis_daily")
    .select(["odd`name", sql.lit("it's\\n\n").as("text")])
    .compile();
  expect(compiled.sql).toBe("select `odd\\`name`, 'it\\'s\\\\n\\n' as `text` from `monitoring`.`kpis_daily`");
});

test("when a transaction is asked for then it is refused with what to do instead", async () => {
  const { db } = recordingWarehouse();
  await expect(db.transaction().execute(async () => undefined)).rejects.toThrow("write one GoogleSQL script instead");
});

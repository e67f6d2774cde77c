import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type DuckDbWarehouse, openDuckDbWarehouse } from "../../../warehouse/duckdb/adapter.ts";
import { defaultMemoryLimit } from "../../../warehouse/duckdb/open-database.ts";

// Each starts processes of its own; on a busy machine these take their time.
vi.setConfig({ testTimeout: 180_000 });

let dir: string;
let path: string;
const open: DuckDbWarehouse[] = [];
const openAt = async (more: Partial<Parameters<typeof openDuckDbWarehouse>[0]> = {}) => {
  const warehouse = await openDuckDbWarehouse({ path, directories: [dir], ...more });
  open.push(warehouse);
  return warehouse;
};

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "inboxloop-adapter-"));
  path = join(dir, "home", "warehouse.duckdb");
});
afterEach(async () => {
  for (const warehouse of open.splice(0)) await warehouse.close().catch(() => undefined);
  await rm(dir, { recursive: true, force: true });
});

describe("query", () => {
  test("when values of every type are read, they are as the port promises", async () => {
    const warehouse = await openAt();
    const result = await warehouse.query(
      `select 9007199254740993 as n, 0.5 as f, numeric '1.50' as d, 'x' as s, b'\\x00\\xff' as b, true as t, date '2024-01-31' as day,
         time '09:30:00.12' as clock, datetime '2024-01-31 09:30:00' as local, timestamp '2024-01-31 09:30:00.1234+01' as seen_at,
         json '{"b": 1, "a": [1]}' as doc, [1, null] as list, struct(1 as a, 'y' as b) as record, cast(null as string) as nothing`,
    );
    expect(result.rows).toEqual([
      {
        n: 9007199254740993n,
        f: 0.5,
        d: "1.5",
        s: "x",
        b: new Uint8Array([0, 255]),
        t: true,
        day: "2024-01-31",
        clock: "09:30:00.120",
        local: "2024-01-31T09:30:00",
        seen_at: "2024-01-31T08:30:00.123400Z",
        doc: '{"a":[1],"b":1}',
        list: [1n, null],
        record: { a: 1n, b: "y" },
        nothing: null,
      },
    ]);
    expect(result.columns.slice(0, 3)).toEqual([
      { name: "n", type: "INT64" },
      { name: "f", type: "FLOAT64" },
      { name: "d", type: "NUMERIC" },
    ]);
    expect(result.columns.at(-2)).toEqual({ name: "record", type: "STRUCT<a INT64, b STRING>" });
  });

  test("when parameters are given, they are values and never text of the statement", async () => {
    const warehouse = await openAt();
    const { rows } = await warehouse.query("select @name as name, @n + 1 as n, @at as seen_at", {
      params: { name: "'; drop table x; --", n: 41, at: new Date("2024-01-31T09:30:00Z") },
    });
    expect(rows).toEqual([{ name: "'; drop table x; --", n: 42n, seen_at: "2024-01-31T09:30:00Z" }]);
  });

  test("when a name is wrong, the error says the line and column of the file", async () => {
    const warehouse = await openAt();
    await expect(warehouse.query("select 1,\n  nope from unnest([1]) as x", { file: "q.sql" })).rejects.toMatchObject({
      code: "sql.analysis",
      where: "q.sql:2:3",
    });
  });

  test("when the signal is aborted, a long query ends", async () => {
    const warehouse = await openAt();
    const before = AbortSignal.abort(new Error("never begun"));
    await expect(warehouse.query("select 1 as x", { signal: before })).rejects.toThrow("never begun");
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("enough")), 50);
    const long =
      "select count(*) as n from unnest(generate_array(1, 30000)) a cross join unnest(generate_array(1, 300000)) b where mod(a * b, 7) = 3";
    await expect(warehouse.query(long, { signal: stop.signal })).rejects.toThrow("enough");
    expect((await warehouse.query("select 1 as x")).rows).toEqual([{ x: 1n }]);
  });
});

describe("tables", () => {
  const columns = [
    { name: "id", type: "STRING" },
    { name: "n", type: "INT64" },
    { name: "big", type: "BIGNUMERIC" },
    { name: "doc", type: "JSON" },
    { name: "record", type: "STRUCT<a INT64, b ARRAY<STRING>>" },
    { name: "seen_at", type: "TIMESTAMP" },
  ];
  const ddl = `create schema s; create table s.t (${columns.map((column) => `${column.name} ${column.type}`).join(", ")})`;
  const row = {
    id: "a",
    n: 1n,
    big: "1.5",
    doc: '{"k":1}',
    record: { a: 1n, b: ["x"] },
    seen_at: "2024-01-31T09:30:00Z",
  };

  test("when rows are appended, they are read back the same, also by another process's opening", async () => {
    const first = await openAt();
    await first.execute(ddl);
    expect(await first.append("s.t", [row, { id: "b" }])).toEqual({ kind: "written", rows: 2 });
    await first.close();
    open.length = 0;
    const second = await openAt();
    expect(await second.columns("inboxloop.s.t")).toEqual(columns);
    expect((await second.query("select * from `inboxloop.s.t` order by id")).rows).toEqual([
      row,
      { id: "b", n: null, big: null, doc: null, record: null, seen_at: null },
    ]);
  });

  test("when some rows do not fit, none is written and each is named", async () => {
    const warehouse = await openAt();
    await warehouse.execute(ddl);
    expect(await warehouse.append("s.t", [row, { id: 7 }, { nope: 1 }])).toEqual({
      kind: "rejected-rows",
      reasonByIndex: new Map([
        [1, "id: 7 is no STRING"],
        [2, 's.t has no column "nope"'],
      ]),
    });
    expect((await warehouse.query("select count(*) as n from s.t")).rows).toEqual([{ n: 0n }]);
  });

  test("when a table goes out as Parquet and comes in again, nothing is lost and no half file is left", async () => {
    const warehouse = await openAt();
    await warehouse.execute(ddl);
    await warehouse.append("s.t", [row, { id: "b" }]);
    const file = join(dir, "out", "t.parquet");
    expect(await warehouse.exportParquet("select * from s.t", file)).toEqual({ rows: 2 });
    expect(await readdir(join(dir, "out"))).toEqual(["t.parquet"]);
    expect(await warehouse.loadParquet("other.t", [file], columns)).toEqual({ rows: 2 });
    expect((await warehouse.query("select * from other.t order by id")).rows[0]).toEqual(row);
    await expect(warehouse.exportParquet("select error('no')", file)).rejects.toThrow();
    expect(await readdir(join(dir, "out"))).toEqual(["t.parquet"]);
  });

  test("when a view uses our functions, every later opening can read it, and what stands on it", async () => {
    const first = await openAt();
    await first.execute(
      "create schema s; create view s.v as select format_timestamp('%Y-%m', timestamp '2024-01-31 00:00:00+00') as month",
    );
    await first.close();
    open.length = 0;
    const second = await openAt();
    expect((await second.query("select * from s.v")).rows).toEqual([{ month: "2024-01" }]);
  });

  test("when a script has variables and control flow, what it makes is known afterwards", async () => {
    const warehouse = await openAt();
    await warehouse.execute(
      "declare n int64 default 3; create schema s; if n > 2 then create table s.t as select n as x; end if; alter table s.t add column y string;",
    );
    expect(await warehouse.columns("s.t")).toEqual([
      { name: "x", type: "INT64" },
      { name: "y", type: "STRING" },
    ]);
    await warehouse.execute("drop schema s cascade");
    expect(await warehouse.columns("s.t")).toBeUndefined();
  });

  test("when a statement made at run time makes a table, it is known afterwards, also where a later one fails", async () => {
    const warehouse = await openAt();
    await warehouse.execute(`begin
      execute immediate format('create schema if not exists %s', 's');
      execute immediate 'create table if not exists \`p.s.t\` (x int64)'; end`);
    expect(await warehouse.columns("s.t")).toEqual([{ name: "x", type: "INT64" }]);
    const failing = "execute immediate 'alter table s.t add column y string'; execute immediate 'select 1 / 0'";
    await expect(warehouse.execute(failing)).rejects.toMatchObject({ code: "sql.evaluation" });
    expect((await warehouse.query("select * from s.t")).columns.map(({ name }) => name)).toEqual(["x", "y"]);
  });

  test("when a table is to be made in a dataset that is not there, the error says so", async () => {
    const warehouse = await openAt();
    await expect(warehouse.execute("create table gone.t (x int64)")).rejects.toMatchObject({
      code: "sql.evaluation",
      message: "Dataset not found: gone",
      next: "create schema `gone`",
    });
  });

  test("when a merge meets a row twice, it fails and changes nothing", async () => {
    const warehouse = await openAt();
    await warehouse.execute("create schema s; create table s.t as select 1 as k, 'a' as v");
    const merge = (source: string) =>
      `merge into s.t as T using (${source}) as S on T.k = S.k when matched then update set v = S.v when not matched then insert (k, v) values (S.k, S.v)`;
    await expect(warehouse.execute(merge("select 1 as k, 'b' as v union all select 1, 'c'"))).rejects.toThrow(
      /at most one source row/,
    );
    expect(await warehouse.execute(merge("select 1 as k, 'b' as v union all select 2, 'c'"))).toEqual({
      rowsAffected: 2,
    });
    expect((await warehouse.query("select * from s.t order by k")).rows).toEqual([
      { k: 1n, v: "b" },
      { k: 2n, v: "c" },
    ]);
  });
});

describe("inTransaction", () => {
  test("when the work throws, nothing of it is left, the catalogue included", async () => {
    const warehouse = await openAt();
    await warehouse.execute("create schema s; create table s.t as select 1 as x");
    await expect(
      warehouse.inTransaction(async (inside) => {
        await inside.execute("create table s.u as select 2 as y; drop table s.t");
        expect(await inside.columns("s.t")).toBeUndefined();
        throw new Error("halfway");
      }),
    ).rejects.toThrow("halfway");
    expect(await warehouse.columns("s.u")).toBeUndefined();
    expect((await warehouse.query("select * from s.t")).rows).toEqual([{ x: 1n }]);
  });

  test("when two run at once, each sees its own and both are there in the end", async () => {
    const warehouse = await openAt();
    await warehouse.execute("create schema s");
    await Promise.all(
      ["a", "b", "c"].map((name) =>
        warehouse.inTransaction(async (inside) => {
          await inside.execute(`create table s.${name} as select '${name}' as x`);
          expect((await inside.query(`select x from s.${name}`)).rows).toEqual([{ x: name }]);
        }),
      ),
    );
    expect(
      (await warehouse.query("select * from s.a union all select * from s.b union all select * from s.c order by 1"))
        .rows,
    ).toHaveLength(3);
  });
});

describe("raw tables", () => {
  const rawTables = {
    events: [
      { name: "id", type: "STRING" },
      { name: "seen_at", type: "TIMESTAMP" },
      { name: "doc", type: "JSON" },
      { name: "late", type: "INT64" },
    ],
  };
  const segment = async (name: string, sql: string) => {
    await mkdir(join(dir, "raw", "events", "sub"), { recursive: true });
    const instance = await DuckDBInstance.create(":memory:");
    const connection = await instance.connect();
    await connection.run(`copy (${sql}) to '${join(dir, "raw", "events", name)}' (format parquet)`);
    connection.closeSync();
    instance.closeSync();
  };
  const read = async () => {
    const warehouse = await openAt({ rawDir: join(dir, "raw"), rawTables });
    const result = await warehouse.query(
      "select id, seen_at, json_value(doc, '$.k') as k, late from raw.events order by id",
    );
    await warehouse.close();
    open.length = 0;
    return result;
  };

  test("when there is no segment, the table is there and empty, with its types", async () => {
    expect(await read()).toEqual({
      columns: [
        { name: "id", type: "STRING" },
        { name: "seen_at", type: "TIMESTAMP" },
        { name: "k", type: "STRING" },
        { name: "late", type: "INT64" },
      ],
      rows: [],
    });
  });

  test("when segments come, older ones lack a column and half-written ones lie about, each opening sees what is finished", async () => {
    await segment(
      "1.parquet",
      `select 'a' as id, '2024-01-31 09:30:00+00'::timestamptz as seen_at, '{"k":"v"}' as doc`,
    );
    await writeFile(join(dir, "raw", "events", "2.parquet.tmp"), "half");
    expect((await read()).rows).toEqual([{ id: "a", seen_at: "2024-01-31T09:30:00Z", k: "v", late: null }]);
    await segment("sub/3.parquet", "select 'b' as id, 7 as late, true as unknown_to_us");
    expect((await read()).rows).toEqual([
      { id: "a", seen_at: "2024-01-31T09:30:00Z", k: "v", late: null },
      { id: "b", seen_at: null, k: null, late: 7n },
    ]);
  });
});

describe("a file in use", () => {
  const hold = async (ms: number) => {
    await (await openAt()).close();
    open.length = 0;
    const script = `const { DuckDBInstance } = await import("@duckdb/node-api");
      const held = await DuckDBInstance.create(${JSON.stringify(path)});
      process.stdout.write("held");
      setTimeout(() => { held.closeSync(); process.exit(0); }, ${ms});`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      cwd: process.cwd(),
      stdio: ["ignore", "pipe", "inherit"],
    });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    return child;
  };

  test("when another process lets go of it in time, it is waited for", async () => {
    await hold(600);
    const warehouse = await openAt({ lockWaitMs: 20_000 });
    expect((await warehouse.query("select 1 as x")).rows).toEqual([{ x: 1n }]);
  });

  test("when it does not, the error names the process that holds it", async () => {
    const child = await hold(60_000);
    try {
      await expect(openAt({ lockWaitMs: 200 })).rejects.toMatchObject({
        code: "warehouse.locked",
        exit: "config",
        where: path,
        message: expect.stringContaining(`process ${child.pid}`),
      });
    } finally {
      child.kill("SIGKILL");
    }
  });

  test("when the file is no database, that is said", async () => {
    await mkdir(join(dir, "home"));
    await writeFile(path, "something else entirely\n".repeat(400));
    await expect(openAt()).rejects.toMatchObject({ code: "warehouse.unreadable", exit: "config" });
  });
});

test("when memory is large or small, the default limit stays between 1 and 4 GB", () => {
  expect([2e9, 8e9, 64e9].map(defaultMemoryLimit)).toEqual(["1000MB", "2000MB", "4000MB"]);
});

test("when a column has limits, later openings hold to them too, and rows that would go past them are not loaded", async () => {
  const first = await openAt();
  await first.execute("create schema s; create table s.t (a string(3), n numeric(5, 2))");
  await first.execute("insert into s.t values ('abc', 1.005)");
  await first.close();
  open.pop();
  const again = await openAt();
  await expect(again.execute("insert into s.t (a) values ('abcd')")).rejects.toThrow(
    /STRING\(3\) has maximum length 3/,
  );
  await expect(again.inTransaction((on) => on.execute("update s.t set n = 1000 where true"))).rejects.toThrow(
    /NUMERIC\(5, 2\)/,
  );
  await expect(again.append("s.t", [{ a: "abcd" }])).rejects.toMatchObject({ code: "refused.parameterized_type" });
  expect(await again.columns("s.t")).toEqual([
    { name: "a", type: "STRING" },
    { name: "n", type: "NUMERIC" },
  ]);
  expect(
    (await again.query("select data_type from s.INFORMATION_SCHEMA.COLUMNS order by ordinal_position")).rows,
  ).toEqual([{ data_type: "STRING(3)" }, { data_type: "NUMERIC(5, 2)" }]);
});

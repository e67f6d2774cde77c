import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openLocalWarehouse } from "../../../packages/googlesql/duckdb/local-warehouse.ts";
import { openDuckDbWarehouse } from "../../../warehouse/duckdb/adapter.ts";
import { openBench } from "../../../warehouse/duckdb/bench-warehouse.ts";
import { openDatabase } from "../../../warehouse/duckdb/open-database.ts";

let dir: string;
let file: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "inboxloop-files-"));
  file = join(dir, "secret.csv");
  await writeFile(file, "key\nhunter2\n");
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Ways in which DuckDB reads or writes files, as GoogleSQL and as texts that somebody hopes to be passed on. */
const probes = (): readonly string[] => [
  `select * from read_csv('${file}')`,
  `select * from read_text('${file}')`,
  `select * from \`${file}\``,
  `select * from '${file}'`,
  `select * from glob('${dir}/*')`,
  `select getenv('HOME')`,
  `copy (select 1) to '${dir}/out.csv'`,
  `attach '${dir}/other.duckdb' as other`,
  `install httpfs`,
  `set enable_external_access = true`,
  `execute immediate "select * from read_text('${file}')"`,
  `create function d.f() returns string language js as "return require('fs').readFileSync('${file}', 'utf8')"; select d.f()`,
  `load data into d.t from files (format = 'CSV', uris = ['${file}'])`,
  `export data options (uri = '${dir}/out-*.csv', format = 'CSV') as select 1`,
];

describe("a query that would read or write a file of the machine", () => {
  test("when it goes to any of the doors, it is an error, and the file's content in none of them", async () => {
    const local = await openLocalWarehouse();
    const port = await openDuckDbWarehouse({ path: join(dir, "w.duckdb") });
    const bench = await openBench();
    const doors = {
      local: (sql: string) => local.run(sql),
      port: (sql: string) => port.query(sql),
      bench: (sql: string) => bench.query(sql),
    };
    const passed: string[] = [];
    for (const [door, run] of Object.entries(doors)) {
      for (const probe of probes()) {
        const answer = await run(probe).then(
          (result) =>
            `answered ${JSON.stringify(result.rows, (_, value) => (typeof value === "bigint" ? String(value) : value))}`,
          (error: Error) => error.message,
        );
        if (answer.startsWith("answered") || answer.includes("hunter2")) passed.push(`${door}: ${probe}: ${answer}`);
      }
    }
    local.close();
    await bench.close();
    await port.close();
    expect(passed).toEqual([]);
  }, 120_000);

  test("when something gets past the translation, a database that needs no files has none", async () => {
    const instance = await openDatabase({ path: ":memory:", reachesFiles: false });
    const connection = await instance.connect();
    for (const sql of [
      `select * from read_text('${file}')`,
      `copy (select 1) to '${dir}/out.csv'`,
      "set enable_external_access = true",
    ])
      await expect(connection.run(sql)).rejects.toThrow(/disabled|Cannot/);
    connection.closeSync();
    instance.closeSync();
  });
});

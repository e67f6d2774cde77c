import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openLocalWarehouse } from "../../../packages/googlesql/duckdb/local-warehouse.ts";
import { localTarget } from "../../../targets/local.ts";
import { type DuckDbWarehouse, openDuckDbWarehouse } from "../../../warehouse/duckdb/adapter.ts";
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

/** DuckDB's own texts, as they would arrive if the translation had a hole. */
const pastTheTranslation = (): readonly string[] => [
  `select * from read_text('${file}')`,
  `select * from read_csv('${file}')`,
  `select * from '${file}'`,
  `select * from read_text('${dir}/raw/../secret.csv')`,
  `select * from read_text('${dir}/raw-else/x')`,
  "select * from read_blob('/proc/self/environ')",
  "select * from parquet_metadata('/etc/passwd')",
  "select * from sniff_csv('/etc/passwd')",
  "select * from glob('/etc/*')",
  "select * from read_csv('https://example.com/a.csv')",
  "select getenv('HOME')",
  `copy (select 1) to '${dir}/out.csv'`,
  `export database '${dir}/exported'`,
  `attach '${dir}/other.duckdb' as other`,
  "install httpfs",
  "load spatial",
  `load '${dir}/x.duckdb_extension'`,
  "create persistent secret s (type http, bearer_token 'x')",
  "set enable_external_access = true",
  "set lock_configuration = false",
  "reset lock_configuration",
  `set allowed_directories = ['${dir}']`,
  `set allowed_configs = ['enable_external_access']`,
  `set temp_directory = '${dir}'`,
  `set log_query_path = '${dir}/log'`,
  "set allow_unsigned_extensions = true",
  "set threads = 64",
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
  });

  test.each([
    ["a database in memory", async () => openDatabase({ path: ":memory:" })],
    ["a warehouse", async () => openDatabase({ path: join(dir, "walled.duckdb"), directories: [join(dir, "raw")] })],
  ])("when something gets past the translation into %s, it finds nothing", async (_, open) => {
    await mkdir(join(dir, "raw"), { recursive: true });
    await mkdir(join(dir, "raw-else"), { recursive: true });
    await writeFile(join(dir, "raw-else", "x"), "hunter2");
    const instance = await open();
    const connection = await instance.connect();
    const passed: string[] = [];
    for (const sql of pastTheTranslation()) {
      await connection.run(sql).then(
        () => passed.push(sql),
        () => {},
      );
    }
    connection.closeSync();
    instance.closeSync();
    expect(passed).toEqual([]);
  });

  test("when it gets past the translation of a command's own engine, it finds nothing either", async () => {
    const world = { cwd: dir, settings: {}, signal: new AbortController().signal };
    await mkdir(join(dir, "rows"), { recursive: true });
    await writeFile(join(dir, "rows", "d.t.csv"), "x\n1\n");
    const engine = await localTarget("local", { kind: "local" }, world, join(dir, "home")).openEngine({
      projectDir: dir,
      sources: "rows",
    });
    const { lane } = engine.warehouse as DuckDbWarehouse;
    const passed: string[] = [];
    for (const sql of [...pastTheTranslation(), `select * from read_text('${dir}/home/warehouse.duckdb.keys')`]) {
      await lane.native(sql).then(
        () => passed.push(sql),
        () => {},
      );
    }
    expect(passed).toEqual([]);
    expect((await engine.warehouse.query("select x from d.t")).rows).toEqual([{ x: 1n }]);
    await engine.close();
  });

  test("when a warehouse is opened with folders, these alone are read and written", async () => {
    const raw = join(dir, "it's raw");
    await mkdir(raw, { recursive: true });
    const path = join(dir, "folders.duckdb");
    const port = await openDuckDbWarehouse({ path, rawDir: raw });
    await port.exportParquet("select 1 as x", join(raw, "a.parquet"));
    expect(await port.loadParquet("d.t", [join(raw, "a.parquet")], [{ name: "x", type: "INT64" }])).toEqual({
      rows: 1,
    });
    await expect(port.exportParquet("select 1 as x", join(dir, "b.parquet"))).rejects.toThrow(/disabled/);
    // The same file is the same database within a process, and its wall stays as it is.
    const again = await openDuckDbWarehouse({ path, rawDir: raw });
    await again.close();
    await expect(openDuckDbWarehouse({ path, rawDir: raw, directories: [dir] })).rejects.toMatchObject({
      code: "warehouse.shut_folder",
      message: `the warehouse is open already, and may not reach ${dir}`,
    });
    await port.close();
    await (await openDuckDbWarehouse({ path, directories: [dir] })).close();
  });
});

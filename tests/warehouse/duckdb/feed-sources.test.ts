import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { UserError } from "../../../errors/user-error.ts";
import { type DuckDbWarehouse, openDuckDbWarehouse } from "../../../warehouse/duckdb/adapter.ts";
import { feedSources } from "../../../warehouse/duckdb/feed-sources.ts";
import { readSourceFeeds } from "../../../warehouse/duckdb/source-files.ts";

let dir: string;
let warehouse: DuckDbWarehouse;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "inboxloop-test-"));
  warehouse = await openDuckDbWarehouse({ path: ":memory:", threads: 1, directories: [dir] });
});
afterEach(async () => {
  await warehouse.close();
  await rm(dir, { recursive: true, force: true });
});

const write = (name: string, ...lines: readonly unknown[]) =>
  writeFile(
    join(dir, name),
    `${lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n")}\n`,
  );
const schema = (name: string, fields: readonly object[]) => writeFile(join(dir, name), JSON.stringify(fields));
const feed = async () => feedSources(warehouse.lane, await readSourceFeeds(dir));

describe("a folder of sources", () => {
  test("when rows say when they arrived, the table is partitioned by that", async () => {
    await write("shop.a.csv", "id,_PARTITIONTIME", "1,2026-01-02 00:00:00", "2,2026-01-03 00:00:00");
    await write("shop.b.ndjson", { id: 1, _PARTITIONTIME: "2026-01-02 00:00:00 UTC" });
    await schema("shop.b.schema.json", [
      { name: "id", type: "INTEGER" },
      { name: "_PARTITIONTIME", type: "TIMESTAMP" },
    ]);
    await feed();
    expect((await warehouse.query("select * from shop.a where _PARTITIONDATE = '2026-01-03'")).rows).toEqual([
      { id: 2n },
    ]);
    expect((await warehouse.query("select *, _PARTITIONTIME as pt from shop.b")).rows).toEqual([
      { id: 1n, pt: "2026-01-02T00:00:00Z" },
    ]);
    await write("shop.a.csv", "id,_PARTITIONTIME", "1,yesterday");
    await expect(feed()).rejects.toThrow("_PARTITIONTIME is STRING: the time of arrival is a TIMESTAMP");
  });

  test("when JSON has a schema beside it, fields meet by name and JSON stays as it was", async () => {
    await write(
      "shop.orders.ndjson",
      { lines: [{ qty: 2, sku: "a" }, { sku: "b" }], raw: { code: "1", deep: { "odd-key": [1, null] } }, id: "7" },
      { id: 8, buyer: { name: "Kim", since: "2024-01-31 10:00:00 UTC" }, token: "aGk=", price: 1.1 },
    );
    await schema("shop.orders.schema.json", [
      { name: "id", type: "INTEGER" },
      {
        name: "lines",
        type: "RECORD",
        mode: "REPEATED",
        fields: [
          { name: "sku", type: "STRING" },
          { name: "qty", type: "INTEGER" },
          { name: "gift", type: "BOOLEAN" },
        ],
      },
      {
        name: "buyer",
        type: "RECORD",
        fields: [
          { name: "since", type: "TIMESTAMP" },
          { name: "name", type: "STRING" },
        ],
      },
      { name: "raw", type: "JSON" },
      { name: "price", type: "NUMERIC" },
      { name: "token", type: "BYTES" },
      { name: "tags", type: "STRING", mode: "REPEATED" },
    ]);
    await feed();
    const { rows } = await warehouse.query(
      "select id, lines, buyer, json_value(raw.deep['odd-key'][0]) as odd, price, token, array_length(tags) as tags from shop.orders order by id",
    );
    expect(rows).toEqual([
      {
        id: 7n,
        lines: [
          { sku: "a", qty: 2n, gift: null },
          { sku: "b", qty: null, gift: null },
        ],
        buyer: null,
        odd: "1",
        price: null,
        token: null,
        tags: 0n,
      },
      {
        id: 8n,
        lines: [],
        buyer: { since: "2024-01-31T10:00:00Z", name: "Kim" },
        odd: null,
        price: "1.1",
        token: new Uint8Array([104, 105]),
        tags: 0n,
      },
    ]);
  });

  test("when a script with variables reads records, it knows their fields too", async () => {
    await write("shop.orders.ndjson", { buyer: { name: "Kim" } });
    await schema("shop.orders.schema.json", [
      { name: "buyer", type: "RECORD", fields: [{ name: "name", type: "STRING" }] },
    ]);
    await schema("shop.refunds.schema.json", [
      { name: "buyer", type: "RECORD", fields: [{ name: "name", type: "STRING" }] },
    ]);
    await feed();
    const { rows } = await warehouse.query(
      "declare who string; set who = 'Kim'; select o.buyer.name from shop.orders as o left join shop.refunds as r on r.buyer.name = o.buyer.name where o.buyer.name = who",
    );
    expect(rows).toEqual([{ name: "Kim" }]);
  });

  test("when only the schema is there, the table has no rows", async () => {
    await schema("shop.refunds.schema.json", [{ name: "id", type: "INT64" }]);
    await feed();
    expect(await warehouse.query("select id from shop.refunds")).toEqual({
      columns: [{ name: "id", type: "INT64" }],
      rows: [],
    });
  });

  test.each(["orders.csv", "a.b.c.csv", "orders.schema.json"])("when %s says no table, it is refused", async (name) => {
    await writeFile(join(dir, name), "[]");
    await expect(feed()).rejects.toSatisfy(
      (error) => error instanceof UserError && error.code === "sources.name" && error.where === join(dir, name),
    );
  });

  test("when a value does not fit its schema, the file is named", async () => {
    await write("shop.orders.ndjson", { id: "x" });
    await schema("shop.orders.schema.json", [{ name: "id", type: "INT64" }]);
    await expect(feed()).rejects.toMatchObject({ code: "sources.unreadable", where: join(dir, "shop.orders.ndjson") });
  });
});

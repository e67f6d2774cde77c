import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { contentDigest } from "../../retrain/digest/content-digest.ts";
import { contentDigestSql } from "../../retrain/digest/content-digest-sql.ts";
import { createSnapshot } from "../../retrain/snapshot/snapshot.ts";
import { verifySnapshot } from "../../retrain/snapshot/verify-snapshot.ts";
import { openDuckDbWarehouse } from "../../warehouse/duckdb/adapter.ts";
import type { Column, Row, Warehouse } from "../../warehouse/warehouse.ts";

// The same promises as in snapshot.test.ts and content-digest.test.ts, held through the real adapter and its translator.

let folder: string;
let warehouse: Warehouse;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inboxloop-snapshot-duckdb-"));
  warehouse = await openDuckDbWarehouse({ path: join(folder, "warehouse.duckdb"), directories: [folder] });
});
afterAll(async () => {
  await warehouse.close();
  await rm(folder, { recursive: true, force: true });
});

const columns: readonly Column[] = [
  { name: "text", type: "STRING" },
  { name: "whole", type: "INT64" },
  { name: "share", type: "FLOAT64" },
  { name: "flag", type: "BOOL" },
  { name: "happened_at", type: "TIMESTAMP" },
  { name: "day", type: "DATE" },
  { name: "price", type: "NUMERIC" },
  { name: "raw", type: "BYTES" },
];
const rows: readonly Row[] = [
  {
    text: "naïve ☃ 'quoted' \\ back",
    whole: -(2n ** 63n),
    share: 0.1,
    flag: true,
    happened_at: "2024-01-31T09:30:00.123456Z",
    day: "2024-02-29",
    price: "12.5",
    raw: new Uint8Array([0, 255, 16]),
  },
  { text: null, whole: null, share: null, flag: null, happened_at: null, day: null, price: null, raw: null },
  {
    text: "",
    whole: 9_007_199_254_740_993n,
    share: 5e-324,
    flag: false,
    happened_at: "1969-12-31T23:59:59.999999Z",
    day: "1969-12-31",
    price: "-0.000000001",
    raw: new Uint8Array(),
  },
  ...[
    1.7976931348623157e308,
    -2.2250738585072014e-308,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    -0,
    1 - 2 ** -53,
    3,
  ].map((share, i) => ({
    text: `row ${i}`,
    whole: BigInt(i),
    share,
    flag: i % 2 === 0,
    happened_at: `2024-03-0${i + 1}T00:00:00Z`,
    day: `2024-03-0${i + 1}`,
    price: `${i}`,
    raw: new Uint8Array([i]),
  })),
];

const literal = (value: unknown, type: string): string => {
  if (value === null) return `cast(null as ${type})`;
  if (type === "FLOAT64")
    return `cast('${Object.is(value, -0) ? "-0" : String(value).replace("Infinity", "inf")}' as float64)`;
  if (type === "INT64") return value === -(2n ** 63n) ? "(-9223372036854775807 - 1)" : String(value);
  if (type === "BOOL") return String(value);
  if (type === "BYTES") return `from_hex('${Buffer.from(value as Uint8Array).toString("hex")}')`;
  const text = String(value).replaceAll("\\", "\\\\").replaceAll("'", "\\'");
  if (type === "NUMERIC") return `cast('${text}' as numeric)`;
  return type === "STRING" ? `'${text}'` : `${type.toLowerCase()} '${text}'`;
};
const selectRows = (some: readonly Row[]): string =>
  some
    .map((row) => `select ${columns.map((c) => `${literal(row[c.name], c.type)} as \`${c.name}\``).join(", ")}`)
    .join("\nunion all\n");

test("when rows of every type are digested through the adapter, then it is the digest that code computes", async () => {
  const result = await warehouse.query(contentDigestSql(selectRows(rows), columns));
  const expected = contentDigest(columns, rows);
  expect(Number(result.rows[0]?.["n_rows"])).toBe(expected.rows);
  expect(result.rows[0]?.["content"]).toBe(expected.content.value);
});

test("when there are no rows, then the digest is that of nothing", async () => {
  const result = await warehouse.query(contentDigestSql(`${selectRows(rows.slice(0, 1))} limit 0`, columns));
  expect(result.rows[0]?.["content"]).toBe(contentDigest(columns, []).content.value);
});

test("when a snapshot is made through the adapter, then its files verify, and making it again makes nothing", async () => {
  await warehouse.execute(`
create schema training;
create table training.examples as
select
  concat('m', cast(i as string)) as message_id,
  concat('sha256:', to_hex(md5(cast(i as string)))) as user_id_hash,
  timestamp_add(timestamp '2026-01-01', interval i hour) as sent_at,
  if(mod(i, 3) = 0, 'gmail', 'other') as isp,
  'eu' as region,
  if(mod(i, 10) = 0, 'click', 'no_engagement') as label,
  i / 7 as score,
  cast(i as numeric) / 8 as price,
  if(mod(i, 5) = 0, null, i) as opens_7d,
  mod(i, 11) <> 0 as is_mature,
  mod(i, 13) <> 0 as has_training_consent
from unnest(generate_array(0, 499)) as i`);
  // Another process, later: the table is known from the file alone.
  await warehouse.close();
  warehouse = await openDuckDbWarehouse({ path: join(folder, "warehouse.duckdb"), directories: [folder] });
  const env = { warehouse, snapshots: join(folder, "snapshots"), now: () => new Date("2026-03-01T00:00:00Z") };
  const first = await createSnapshot(env, { asOf: new Date("2026-01-25T00:00:00Z") });
  const second = await createSnapshot(env, { asOf: new Date("2026-01-25T00:00:00Z") });
  if (first.kind === "planned") throw new Error("planned");
  expect([first.kind, second.kind]).toEqual(["created", "already-there"]);
  expect(await verifySnapshot(first)).toMatchObject({ verdict: "pass" });
  const sampled = await createSnapshot(env, { sampleRows: 100 });
  if (sampled.kind === "planned") throw new Error("planned");
  expect(sampled.lock.lock.rows).toBeLessThanOrEqual(103);
  expect(await readdir(env.snapshots)).toHaveLength(2);
});

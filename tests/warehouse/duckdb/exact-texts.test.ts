import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { openDuckDbWarehouse } from "../../../warehouse/duckdb/adapter.ts";
import { readExport } from "../../../warehouse/duckdb/read-export.ts";
import { readParquet } from "../../../warehouse/duckdb/read-parquet.ts";
import { SegmentStore } from "../../../warehouse/duckdb/segment-store.ts";

const folder = await mkdtemp(join(tmpdir(), "texts-"));
const warehouse = await openDuckDbWarehouse({ path: join(folder, "w.duckdb"), directories: [folder] });
await warehouse.execute("create schema raw");
const store = await SegmentStore.open();
afterAll(async () => {
  store.close();
  await warehouse.close();
  await rm(folder, { recursive: true });
});

const columns = [
  { name: "n", type: "INT64" },
  { name: "t", type: "STRING" },
] as const;
const texts = fc
  .array(
    fc
      .tuple(
        fc.constantFrom("", "\ufeff", "\ufeff\ufeff", "\0", "\ufffd", "\u200b"),
        fc.string({ unit: "binary", maxLength: 30 }),
      )
      .map((parts) => parts.join("")),
    { minLength: 1, maxLength: 8 },
  )
  .map((list) => list.map((t, n) => ({ n: BigInt(n), t })));
const parquet = join(folder, "texts.parquet");

test("when texts are appended, exported, read and loaded again, then they stay as they came", async () => {
  await fc.assert(
    fc.asyncProperty(texts, async (rows) => {
      await warehouse.execute("create or replace table raw.a (n int64, t string); drop table if exists raw.b");
      await warehouse.append("raw.a", rows);
      expect((await warehouse.query("select n, t from raw.a order by n")).rows).toEqual(rows);
      await warehouse.exportParquet("select n, t from raw.a order by n", parquet);
      const read: unknown[] = [];
      await readParquet([parquet], columns, (valuesOf, count) => {
        for (let i = 0; i < count; i++) read.push({ n: valuesOf("n")[i], t: valuesOf("t")[i] });
      });
      expect(read).toEqual(rows);
      for await (const block of readExport(parquet, 0))
        expect(block.map((row) => row["t"])).toEqual(rows.map((row) => row.t));
      await warehouse.loadParquet("raw.b", [parquet], columns);
      expect((await warehouse.query("select n, t from raw.b order by n")).rows).toEqual(rows);
    }),
    { numRuns: 15 },
  );
});

test("when a segment is written from lines, then its texts are read back as they were", async () => {
  const lines = join(folder, "lines.ndjson");
  const segment = join(folder, "segment.parquet");
  // The door strips NUL from what it stores.
  const stored = texts.map((rows) => rows.map(({ n, t }) => ({ n: Number(n), t: t.replaceAll("\0", "") })));
  await fc.assert(
    fc.asyncProperty(stored, async (rows) => {
      await writeFile(lines, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
      await store.encode(lines, columns, segment);
      for await (const block of store.read(segment, columns)) expect(block).toEqual(rows);
      for await (const keys of store.keys(segment, "t", { skip: 0, rows: rows.length }))
        expect(keys).toEqual(rows.map((row) => row.t));
    }),
    { numRuns: 15 },
  );
});

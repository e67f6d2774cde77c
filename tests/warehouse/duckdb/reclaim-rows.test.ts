import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DuckDBInstance } from "@duckdb/node-api";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openDatabase } from "../../../warehouse/duckdb/open-database.ts";
import { reclaimRows } from "../../../warehouse/duckdb/reclaim-rows.ts";

let dir: string;
const open = (): Promise<DuckDBInstance> => openDatabase({ path: join(dir, "warehouse.duckdb") });

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "inboxloop-reclaim-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Rows that are stored, those that are gone among them, after a table of 600,000 lost some; and what is left of it. */
async function storedAfterLosing(condition: string): Promise<{ reclaimed: boolean; stored: number; sum: bigint }> {
  const before = await open();
  const connection = await before.connect();
  await connection.run("create table events as select i, i % 7 as kind from range(600000) as t(i)");
  await connection.run(`delete from events where ${condition}`);
  const reclaimed = await reclaimRows(connection);
  connection.closeSync();
  before.closeSync();

  const after = await open();
  const reader = await after.connect();
  const one = async (sql: string) => (await reader.runAndReadAll(sql)).getRows()[0]?.[0];
  const stored = Number(await one("select estimated_size from duckdb_tables() where table_name = 'events'"));
  const sum = BigInt(String(await one("select sum(i) from events")));
  reader.closeSync();
  after.closeSync();
  return { reclaimed, stored, sum };
}

describe("reclaiming the room of removed rows", () => {
  test("when few rows are gone, nothing is rewritten", async () => {
    expect(await storedAfterLosing("i % 10 = 0")).toEqual({ reclaimed: false, stored: 600_000, sum: 162_000_000_000n });
  });

  test("when most rows are gone, their room is given back and the rest is as it was", async () => {
    const { reclaimed, stored, sum } = await storedAfterLosing("i % 4 > 0");
    expect(reclaimed).toBe(true);
    expect(stored).toBeLessThan(300_000);
    expect(sum).toBe(44_999_700_000n);
  });
});

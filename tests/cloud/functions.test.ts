import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { connectBigQuery } from "../../warehouse/bigquery/connect.ts";
import type { Warehouse } from "../../warehouse/warehouse.ts";

/** Expressions, and what Google's reference implementation answers as TO_JSON_STRING prints it; null where it fails. */
const cases = JSON.parse(
  readFileSync(new URL("../warehouse/googlesql/functions/reference-cases.json", import.meta.url), "utf8"),
) as [string, string | null][];

let warehouse: Warehouse;
beforeAll(async () => {
  warehouse = await connectBigQuery({ projectId: "functions", emulatorHost: inject("bigquery") });
});
afterAll(() => warehouse.close());

/** Every scalar as text, so that only values are compared and not how an engine spells a number in JSON. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (value !== null && typeof value === "object") return Object.values(value).map(plain);
  if (typeof value === "string" && /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(value)) return String(Number(value));
  return value === null || value === undefined ? null : String(value);
}

type Verdict = "same" | "another value" | "a value where there must be an error" | "an error where there is a value";

async function verdictOf(expression: string, expected: string | null): Promise<Verdict> {
  let value: unknown;
  try {
    const { rows, columns } = await warehouse.query(`select ${expression} as v`);
    value = columns[0]?.type === "JSON" ? JSON.parse(String(rows[0]?.["v"] ?? "null")) : rows[0]?.["v"];
  } catch {
    return expected === null ? "same" : "an error where there is a value";
  }
  if (expected === null) return "a value where there must be an error";
  return JSON.stringify(plain(value)) === JSON.stringify(plain(JSON.parse(expected))) ? "same" : "another value";
}

/** What docs/reference/bigquery-emulator.md says of the emulator: a bound, so that neither side gets worse without anybody seeing it. */
const promised = { same: 330 };

test("when the emulator and the reference implementation evaluate the same expressions then they agree where the docs say so", async () => {
  const tally: Record<Verdict, string[]> = {
    same: [],
    "another value": [],
    "a value where there must be an error": [],
    "an error where there is a value": [],
  };
  for (const [expression, expected] of cases) tally[await verdictOf(expression, expected)].push(expression);
  const said = Object.entries(tally).map(([verdict, found]) => `${verdict}: ${found.length}`);
  process.stderr.write(`${cases.length} expressions; ${said.join("; ")}\n`);
  if (process.env["INBOXLOOP_CLOUD_LIST"]) process.stderr.write(`${JSON.stringify(tally, null, 1)}\n`);
  expect(tally.same.length).toBeGreaterThanOrEqual(promised.same);
});

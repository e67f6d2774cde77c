import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectBigQuery } from "../../warehouse/bigquery/connect.ts";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { ownBigQuery } from "./support/own-bigquery.ts";

/** Expressions, and what Google's reference implementation answers as TO_JSON_STRING prints it; null where it fails. */
const cases = JSON.parse(
  readFileSync(new URL("../../packages/googlesql/tests/functions/reference-cases.json", import.meta.url), "utf8"),
) as Case[];

const bigquery = await ownBigQuery();
let warehouse: Warehouse;
beforeAll(async () => {
  warehouse = await connectBigQuery({ projectId: "functions", ...bigquery });
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

type Case = readonly [expression: string, expected: string | null];

/** The emulator answers a query in a third of a second, however much is in it: many expressions go into one, and are parted where it fails. */
async function verdicts(of: readonly Case[]): Promise<readonly (readonly [Case, Verdict])[]> {
  try {
    const { rows, columns } = await warehouse.query(`select ${of.map(([text], i) => `${text} as v${i}`).join(", ")}`);
    return of.map((one, i) => {
      const value = rows[0]?.[`v${i}`];
      return [one, verdictOn(one, columns[i]?.type === "JSON" ? JSON.parse(String(value ?? "null")) : value)];
    });
  } catch {
    if (of.length === 1) return of.map((one) => [one, one[1] === null ? "same" : "an error where there is a value"]);
    const half = of.length / 2;
    return [...(await verdicts(of.slice(0, half))), ...(await verdicts(of.slice(half)))];
  }
}

function verdictOn([, expected]: Case, value: unknown): Verdict {
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
  const failing = cases.filter(([, expected]) => expected === null).map((one) => [one]);
  const giving = cases.filter(([, expected]) => expected !== null);
  const together = Array.from({ length: Math.ceil(giving.length / 16) }, (_, i) => giving.slice(16 * i, 16 * i + 16));
  for (const some of [...failing, ...together]) {
    for (const [[expression], verdict] of await verdicts(some)) tally[verdict].push(expression);
  }
  const said = Object.entries(tally).map(([verdict, found]) => `${verdict}: ${found.length}`);
  process.stderr.write(`${cases.length} expressions; ${said.join("; ")}\n`);
  if (process.env["INBOXLOOP_CLOUD_LIST"]) process.stderr.write(`${JSON.stringify(tally, null, 1)}\n`);
  expect(tally.same.length).toBeGreaterThanOrEqual(promised.same);
});

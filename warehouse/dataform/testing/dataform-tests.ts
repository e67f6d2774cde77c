import { UserError } from "../../../errors/user-error.ts";
import type { Warehouse } from "../../warehouse.ts";
import type { DataformTest, Graph } from "../graph.ts";
import { clockAdvice, readsClock } from "./clock-reads.ts";
import { compareRows, renderDifference } from "./compare-rows.ts";
import { type TestOutcome, whereLine } from "./outcome.ts";

/** Runs a Dataform unit test: both queries must give the same columns and the same rows, in any order. */
export async function runDataformTest(
  warehouse: Pick<Warehouse, "query">,
  test: DataformTest,
  clock: () => number,
  /** Whether time and chance stand still. */
  isHeld = false,
  texts?: Graph["texts"],
): Promise<TestOutcome> {
  const began = clock();
  const ended = (message?: string): TestOutcome => ({
    kind: "dataform",
    name: test.name,
    file: test.file,
    passed: message === undefined,
    ms: clock() - began,
    message,
  });
  try {
    const actual = await warehouse.query(test.query, { file: test.file });
    const expected = await warehouse.query(test.expected, { file: test.file });
    const names = (columns: typeof actual.columns) => columns.map((column) => column.name.toLowerCase()).sort();
    const [got, wanted] = [names(actual.columns), names(expected.columns)];
    if (got.join() !== wanted.join()) return ended(`columns: expected ${wanted.join(", ")}; got ${got.join(", ")}`);
    const difference = compareRows(actual, { rows: expected.rows, isOrdered: false });
    if (difference === undefined) return ended();
    const advice = !isHeld && readsClock(test.query) ? `\n${clockAdvice("tests/models/vars.yaml")}` : "";
    return ended(`${renderDifference(difference)}${advice}`);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return ended(`${error.message} [${error.code}]${whereLine(error, texts)}`);
  }
}

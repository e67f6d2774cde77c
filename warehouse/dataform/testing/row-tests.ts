import { UserError } from "../../../errors/user-error.ts";
import type { QueryResult } from "../../warehouse.ts";
import type { TableAction } from "../graph.ts";
import { type Bench, isQuery } from "./bench.ts";
import type { Expectation, ModelCase } from "./case-files.ts";
import { clockAdvice, readsClock } from "./clock-reads.ts";
import { commonTables, readCommonTable } from "./common-table.ts";
import { compareRows, renderDifference } from "./compare-rows.ts";
import { type TestOutcome, whereLine } from "./outcome.ts";

/** Runs one row-file test on a bench that was turned to the graph of its vars. */
export async function runModelCase(bench: Bench, test: ModelCase, clock: () => number): Promise<TestOutcome> {
  const began = clock();
  const ended = (message?: string): TestOutcome => ({
    kind: "rows",
    name: `${test.model}/${test.name}`,
    file: test.dir,
    passed: message === undefined,
    ms: clock() - began,
    message,
  });
  try {
    const action = bench.resolve(test.model, test.dir);
    if (!isQuery(action))
      return ended(`${action.id} is a ${action.kind}: row files test tables, views and incrementals`);
    const failures: string[] = [];
    await bench.holdStill(test.now);
    await prepare(bench, action, test);
    for (const expectation of test.expect) {
      const difference = compareRows(await actualRows(bench, action, test, expectation), expectation);
      if (difference !== undefined) failures.push(`${expectation.name}:\n${indent(renderDifference(difference))}`);
    }
    const advice = test.now === undefined && readsClock(action.query) ? [clockAdvice(`${test.dir}/vars.yaml`)] : [];
    return ended(failures.length === 0 ? undefined : [...failures, ...advice].join("\n"));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return ended(`${error.message} [${error.code}]${whereLine(error, bench.texts)}`);
  }
}

/** Gives the rows, and where a table is expected, builds it batch by batch. */
async function prepare(bench: Bench, action: TableAction, test: ModelCase): Promise<void> {
  const wantsTable = test.expect.some((expectation) => expectation.of === "table");
  const [first = {}, ...others] = test.batches;
  await bench.layOut(action, withTables(bench.given(first, action, test.dir), test, bench, action));
  if (wantsTable || test.prior !== undefined || action.incremental !== undefined)
    await bench.resetOwn(action, test.prior);
  if (wantsTable) await bench.build(action);
  for (const batch of others) {
    for (const [id, rows] of bench.given(batch, action, test.dir)) await bench.fill(id, rows);
    if (wantsTable) await bench.build(action);
  }
}

/** Tables that only a later batch fills must stand from the beginning. */
function withTables(
  given: ReadonlyMap<string, ModelCase["prior"] & object>,
  test: ModelCase,
  bench: Bench,
  action: TableAction,
) {
  const all = new Map(given);
  for (const batch of test.batches.slice(1)) {
    for (const id of bench.given(batch, action, test.dir).keys()) if (!all.has(id)) all.set(id, []);
  }
  return all;
}

async function actualRows(
  bench: Bench,
  action: TableAction,
  test: ModelCase,
  expectation: Expectation,
): Promise<QueryResult> {
  if (expectation.of === "table") return await bench.rows(action);
  // With rows from before, the query is the one that runs on top of them.
  const { query, preOps } = (test.prior !== undefined && action.incremental) || action;
  if (expectation.of === "query") return await bench.query(action, query, preOps);
  const reading = readCommonTable(query, expectation.name);
  if (reading === undefined) {
    const names = commonTables(query)?.names ?? [];
    throw new UserError(
      `${action.id} has no common table expression "${expectation.name}"${names.length > 0 ? `; it has ${names.join(", ")}` : ""}`,
      { code: "test.cte", exit: "config", where: `${test.dir}/expect.yaml` },
    );
  }
  return await bench.query(action, reading, preOps);
}

const indent = (text: string): string => text.replace(/^/gm, "  ");

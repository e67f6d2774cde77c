import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { runTests } from "../../../../warehouse/dataform/testing/run-tests.ts";
import { openBench } from "../../../../warehouse/duckdb/bench-warehouse.ts";

// Each starts processes of its own; on a busy machine these take their time.
vi.setConfig({ testTimeout: 180_000 });

const fixtures = join(import.meta.dirname, "../fixtures");
let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "inboxloop-tests-"));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const run = (projectDir: string, more: Partial<Parameters<typeof runTests>[0]> = {}) =>
  runTests({
    projectDir,
    cacheDir: join(scratch, "cache"),
    openBench,
    clock: () => performance.now(),
    seed: 20260310,
    ...more,
  });
const failing = async (project: string) => {
  const { outcomes } = await run(join(fixtures, project));
  return outcomes.filter((outcome) => !outcome.passed).map((outcome) => outcome.name.split(": ")[1]);
};

describe("runTests", () => {
  test("when a project's tests hold, row files, Dataform tests and properties all pass", async () => {
    const { outcomes, failed } = await run(join(fixtures, "shop"));
    expect(outcomes.map(({ kind, name, passed }) => [kind, name, passed])).toEqual([
      ["rows", "placed_orders/builds_on_prior_rows", true],
      ["rows", "placed_orders/merges_a_correction", true],
      ["rows", "stg_orders/keeps_newest", true],
      ["rows", "revenue_daily/counts_paid_orders", true],
      ["dataform", "stg_orders__keeps_newest", true],
      ["property", "shop.placed_orders: reads no clock", true],
      ["property", "shop.placed_orders: building a batch again changes nothing", true],
      ["property", "shop.placed_orders: any batches, late rows included, equal a full refresh", true],
    ]);
    expect(failed).toBe(0);
  });

  test("when a model is selected, its tests run and no others", async () => {
    const { outcomes } = await run(join(fixtures, "shop"), { select: ["stg_orders"] });
    expect(outcomes.map((outcome) => outcome.name)).toEqual(["stg_orders/keeps_newest", "stg_orders__keeps_newest"]);
  });

  test("when a model is broken, its tests say what was expected and what came", async () => {
    const project = join(scratch, "broken");
    await cp(join(fixtures, "shop"), project, { recursive: true });
    await writeFile(
      join(project, "includes/money.js"),
      'module.exports = { euros: (column) => "round(" + column + " / 10, 2)" };\n',
    );
    await writeFile(join(project, "tests/models/stg_orders/keeps_newest/expect.yaml"), "older: []\n");
    const { outcomes } = await run(project, { kinds: ["rows", "dataform"] });
    const message = (name: string) => outcomes.find((outcome) => outcome.name === name)?.message;
    expect(message("placed_orders/merges_a_correction")).toBe(
      [
        "table:",
        "  - expected  order_id: o1, status: paid, price: 1",
        "  + actual    order_id: o1, status: paid, price: 10",
        "    differs in price: 1 -> 10",
        "  - expected  order_id: o2, status: open, price: 2",
        "  + actual    order_id: o2, status: open, price: 20",
        "    differs in price: 2 -> 20",
      ].join("\n"),
    );
    expect(message("stg_orders/keeps_newest")).toContain(
      'has no common table expression "older"; it has orders, latest [test.cte]',
    );
    expect(message("stg_orders__keeps_newest")).toContain("differs in price: 10 -> 100");
  });
});

describe("properties of incrementals", () => {
  test("when the unique key is not the grain, it is found", async () => {
    expect(await failing("broken_wrong_unique_key")).toContain("any batches, late rows included, equal a full refresh");
  });
  test("when late rows are not looked back for, it is found", async () => {
    expect(await failing("broken_missing_look_back")).toEqual([
      "any batches, late rows included, equal a full refresh",
    ]);
  });
  test("when a row says when it was built, it is found", async () => {
    expect(await failing("broken_current_timestamp")).toEqual(["reads no clock"]);
  });
});

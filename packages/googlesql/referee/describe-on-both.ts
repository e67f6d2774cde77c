import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LocalWarehouse, openLocalWarehouse } from "../duckdb/local-warehouse.ts";
import { type Outcome, type RunOptions, runOnBoth } from "./both-engines.ts";
import { Referee } from "./referee.ts";

/** Both engines, open while the tests of a `describeOnBoth` run. */
export interface BothEngines {
  readonly local: LocalWarehouse;
  run(sql: string, options?: RunOptions): Promise<Outcome>;
}

/** A `describe` whose tests have both engines. */
export function describeOnBoth(
  name: string,
  tests: (both: BothEngines) => void,
  start = (): Promise<Referee> => Referee.start(),
): void {
  describe(name, () => {
    let local: LocalWarehouse;
    let referee: Referee;
    beforeAll(async () => {
      local = await openLocalWarehouse();
      referee = await start();
    });
    afterAll(() => {
      referee?.stop();
      local?.close();
    });
    tests({
      get local() {
        return local;
      },
      run: (sql, options) => runOnBoth(local, referee, sql, options),
    });
  });
}

/** A test for each name, in which every statement gives the same on both engines: rows and types, or an error. */
export function testStatements(both: BothEngines, statements: Readonly<Record<string, readonly string[]>>): void {
  for (const [name, list] of Object.entries(statements)) {
    test(name, async () => {
      for (const sql of list) expect(await both.run(sql), sql).toMatchObject({ kind: "same" });
    });
  }
}

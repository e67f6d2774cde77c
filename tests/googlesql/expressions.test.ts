import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LocalWarehouse, openLocalWarehouse } from "../../warehouse/duckdb/local-warehouse.ts";
import { runOnBoth } from "./both-engines.ts";
import { generatedStatement } from "./expressions.ts";
import { isRefereeInstalled, Referee } from "./referee.ts";
import { expressions, seed } from "./settings.ts";

const chunk = 500;

describe.skipIf(!isRefereeInstalled())(`${expressions} generated statements, seed ${seed}`, () => {
  let local: LocalWarehouse;
  let referee: Referee;
  beforeAll(async () => {
    local = await openLocalWarehouse();
    referee = await Referee.start();
  });
  afterAll(() => {
    referee.stop();
    local.close();
  });

  for (let from = 0; from < expressions; from += chunk) {
    test(`statements ${from + 1} to ${from + chunk}`, async () => {
      const differences: string[] = [];
      let judged = 0;
      for (const sql of fc.sample(generatedStatement, { seed: seed + from, numRuns: chunk })) {
        const outcome = await runOnBoth(local, referee, sql);
        if (outcome.kind === "different") differences.push(`${outcome.sql}\n    ${outcome.what}`);
        else if (outcome.kind === "same") judged++;
      }
      expect(differences).toEqual([]);
      // A suite that refuses everything is green and worth nothing.
      expect(judged).toBeGreaterThan(chunk * 0.9);
    });
  }
});

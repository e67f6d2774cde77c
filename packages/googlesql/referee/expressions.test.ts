import fc from "fast-check";
import { expect, test } from "vitest";
import { describeOnBoth } from "./describe-on-both.ts";
import { generatedStatement } from "./expressions.ts";
import { expressions, seed } from "./settings.ts";

const chunk = 500;

describeOnBoth(`${expressions} generated statements, seed ${seed}`, (both) => {
  for (let from = 0; from < expressions; from += chunk) {
    test(`statements ${from + 1} to ${from + chunk}`, async () => {
      const differences: string[] = [];
      let judged = 0;
      for (const sql of fc.sample(generatedStatement, { seed: seed + from, numRuns: chunk })) {
        const outcome = await both.run(sql);
        if (outcome.kind === "different") differences.push(`${outcome.sql}\n    ${outcome.what}`);
        else if (outcome.kind === "same") judged++;
      }
      expect(differences).toEqual([]);
      // A suite that refuses everything is green and worth nothing.
      expect(judged).toBeGreaterThan(chunk * 0.9);
    });
  }
});

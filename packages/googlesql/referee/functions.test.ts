import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { catalogue } from "../functions/catalogue.ts";
import { callsOf } from "./calls.ts";
import { describeOnBoth } from "./describe-on-both.ts";
import { functionsWithoutReferee, volatileFunctions } from "./known-limits.ts";
import { casesPerFunction, seed } from "./settings.ts";
import { countFunction, saveCounts } from "./verification.ts";

const entries = catalogue.flatMap((library) => library.functions).filter((entry) => entry.status.kind === "verified");

describeOnBoth(`every function on the verified list, ${casesPerFunction} calls each, seed ${seed}`, (both) => {
  afterAll(saveCounts);

  for (const entry of entries) {
    const name = entry.names[0];
    const reason = functionsWithoutReferee[name];
    test(`${name}${reason ? ` (not judged: ${reason})` : ""}`, async () => {
      const statements = new Set(fc.sample(callsOf(entry), { seed, numRuns: casesPerFunction }));
      const count = { same: 0, errors: 0, refused: 0, unjudged: 0 };
      const differences: string[] = [];
      for (const sql of statements) {
        const outcome = await both.run(sql, {
          isVolatile: entry.volatile === true || volatileFunctions.has(name),
        });
        if (outcome.kind === "different") differences.push(`${outcome.sql}\n    ${outcome.what}`);
        else if (outcome.kind === "refused") count.refused++;
        else if (outcome.kind === "unjudged") count.unjudged++;
        else if (outcome.as === "error") count.errors++;
        else count.same++;
      }
      countFunction(name, { ...count, different: differences.length });
      expect(differences).toEqual([]);
    });
  }
});

import { expect, test } from "vitest";
import { coreLibrary } from "../../emit/core.ts";
import { catalogue } from "../../functions/catalogue.ts";

// A condition over NULL is not true, so a CASE goes on to its ELSE: with JavaScript there, every NULL of a column would be a call
// out of the engine, with all its threads waiting.
test("when a macro leaves to JavaScript what DuckDB cannot do, then not in the ELSE, where a NULL ends up", () => {
  const libraries = [coreLibrary, ...catalogue];
  const inJavaScript = new Set<string>(libraries.flatMap(({ js = [] }) => js.map(({ name }) => name)));
  expect(inJavaScript.size).toBeGreaterThan(100);
  const wrong = libraries
    .flatMap(({ macros = [] }) => macros)
    .filter(({ definition }) => !/\bwhen \w+ is null then\b/.test(definition))
    .flatMap(({ name, definition }) =>
      [...definition.matchAll(/\belse\s+(gs_\w+)\(/g)].flatMap(([, called]) =>
        inJavaScript.has(called!) ? [`${name}: else ${called}`] : [],
      ),
    );
  expect(wrong).toEqual([]);
});

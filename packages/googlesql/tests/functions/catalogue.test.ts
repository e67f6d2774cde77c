import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { coreLibrary } from "../../emit/core.ts";
import { catalogue } from "../../functions/catalogue.ts";
import { referencePage } from "../../functions/reference-page.ts";

const libraries = [...catalogue, coreLibrary];

describe("the catalogue", () => {
  it("when the reference page is made anew, then it is what stands in docs", () => {
    const page = readFileSync(new URL("../../../../docs/reference/googlesql.md", import.meta.url), "utf8");
    expect(page).toBe(referencePage(catalogue));
  });

  it("when names are gathered, then each is listed once", () => {
    const names = catalogue.flatMap((library) => library.functions.flatMap((entry) => entry.names));
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
    expect(names.filter((name) => name !== name.toUpperCase())).toEqual([]);
  });

  it("when an entry is verified, then it has signatures; when refused, a reason and none", () => {
    const odd = catalogue
      .flatMap((library) => library.functions)
      .filter((entry) => (entry.status.kind === "verified") === (entry.signatures.length === 0));
    expect(odd.map((entry) => entry.names[0])).toEqual([]);
  });

  it("when macros and JS functions are gathered, then each is defined once", () => {
    const names = libraries.flatMap((library) =>
      [...(library.macros ?? []), ...(library.js ?? [])].map((one) => one.name),
    );
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });

  it("when a macro names another one, then that one is defined", () => {
    const known = new Set<string>(
      libraries.flatMap((library) => [...(library.macros ?? []), ...(library.js ?? [])].map((one) => one.name)),
    );
    const bound = /lambda\s+(gs_\w+)(?:,\s*(gs_\w+))?/g;
    for (const macro of libraries.flatMap((library) => library.macros ?? [])) {
      const local = new Set([...macro.definition.matchAll(bound)].flatMap((match) => [match[1], match[2]]));
      for (const [name] of macro.definition.matchAll(/gs_\w+/g)) {
        expect(known.has(name) || local.has(name), `${macro.name} names ${name}`).toBe(true);
      }
    }
  });
});

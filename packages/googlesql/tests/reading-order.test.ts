import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");

/**
 * Where a descent begins again: an expression has a query in it, a query has expressions, FROM has both, a statement has statements. Everything else is
 * read from what it uses to what uses it.
 */
const descents = [
  "parser/expression.ts",
  "parser/query.ts",
  "parser/statement.ts",
  "analyzer/expressions.ts",
  "analyzer/query.ts",
  "analyzer/from.ts",
  "lineage/expression.ts",
  "lineage/query.ts",
];

function sourceFiles(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return /^(node_modules|tests|referee)$/.test(entry.name) ? [] : sourceFiles(path);
    return entry.name.endsWith(".ts") ? [path] : [];
  });
}

/** The files whose values a file takes: what is imported as a type alone is gone when it runs. */
function valuesOf(file: string): readonly string[] {
  const found: string[] = [];
  const statement = /^(?:import|export)\s+(type\s)?([^;"]*?)\s*from\s+"(\.[^"]+)"/gm;
  for (const [, isType, what = "", target = ""] of readFileSync(file, "utf8").matchAll(statement)) {
    const names = /^\{([\s\S]*)\}$/
      .exec(what)?.[1]
      ?.split(",")
      .map((name) => name.trim());
    const areTypes = names?.every((name) => name === "" || name.startsWith("type ")) === true;
    if (!isType && !areTypes) found.push(resolve(dirname(file), target));
  }
  return found;
}

const files = sourceFiles(root);
const graph = new Map(files.map((file) => [file, valuesOf(file)]));

/** A circle of values that does not go by the files left out; undefined when there is none. */
function circle(without: ReadonlySet<string>): readonly string[] | undefined {
  const done = new Set<string>(without);
  const path: string[] = [];
  const visit = (file: string): readonly string[] | undefined => {
    const at = path.indexOf(file);
    if (at >= 0) return [...path.slice(at), file];
    if (done.has(file)) return undefined;
    path.push(file);
    for (const next of graph.get(file) ?? []) {
      const found = visit(next);
      if (found) return found;
    }
    path.pop();
    done.add(file);
    return undefined;
  };
  for (const file of files) {
    const found = visit(file);
    if (found) return found.map((one) => relative(root, one));
  }
  return undefined;
}

test("when files of the engine take each other's values in a circle, then it goes by the beginning of a descent", () => {
  expect(circle(new Set(descents.map((file) => join(root, file))))).toBeUndefined();
});

test("when a file is the beginning of a descent, then there is a circle without it being one", () => {
  for (const file of descents) {
    const others = descents.filter((one) => one !== file).map((one) => join(root, one));
    expect(circle(new Set(others)), file).toBeDefined();
  }
});

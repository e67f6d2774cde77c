import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { expect, test } from "vitest";
import { valueCircles } from "./support/value-circles.ts";

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

const texts = new Map(sourceFiles(root).map((file) => [relative(root, file), readFileSync(file, "utf8")] as const));

/** Circles of values that do not go by the files left out. */
const circlesWithout = (left: readonly string[]) =>
  valueCircles(
    new Map([...texts].filter(([file]) => !left.includes(file)).map(([file, text]) => [join(root, file), text])),
  );

test("when files of the engine take each other's values in a circle, then it goes by the beginning of a descent", () => {
  expect(circlesWithout(descents)).toEqual([]);
});

test("when a file is the beginning of a descent, then there is a circle without it being one", () => {
  for (const file of descents) {
    const others = descents.filter((one) => one !== file);
    expect(circlesWithout(others), file).not.toEqual([]);
  }
});

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { openLocalWarehouse } from "../duckdb/local-warehouse.ts";

/**
 * The analyzer makes texts for DuckDB and does not read them: what it must know of an expression later is a property of it. Here all
 * that reads a text is watched while the statements of the tests are run.
 */
const readers = {
  String: [
    "match matchAll replace replaceAll search split includes startsWith endsWith indexOf lastIndexOf slice substring",
    String.prototype,
  ],
  RegExp: ["test exec", RegExp.prototype],
} as const;

/** Files that may: they say why. */
const named = ["outer-values.ts"];

/** What only a text of ours has: its tables, its columns, its helpers. */
const isOurs = /\b[tuvwx]\d+\.[a-z"(]|\bAS [tcw]\d+\b|\bgs_\w+\(|\blist_transform\(/;
const exec = RegExp.prototype.exec;

const found = new Set<string>();
const undo: (() => void)[] = [];
afterEach(() => {
  for (const one of undo.splice(0)) one();
});

function watch(): void {
  let isBusy = false;
  for (const [names, prototype] of Object.values(readers)) {
    for (const name of names.split(" ")) {
      const own = Reflect.get(prototype, name) as (...args: unknown[]) => unknown;
      undo.push(() => Object.assign(prototype, { [name]: own }));
      const watched = function (this: unknown, ...args: unknown[]): unknown {
        if (!isBusy) {
          isBusy = true;
          const read = typeof this === "string" ? this : String(args[0]);
          if (exec.call(isOurs, read) !== null) {
            const at: { stack?: string } = {};
            Error.captureStackTrace(at, watched);
            const [, file] = exec.call(/\n.*?\/analyzer\/([\w/-]+\.ts)/, at.stack?.slice(0, 600) ?? "") ?? [];
            if (file !== undefined && firstFrame(at.stack!).includes("/analyzer/")) found.add(file);
          }
          isBusy = false;
        }
        return own.apply(this, args);
      };
      Object.defineProperty(prototype, name, { value: watched, writable: true, configurable: true, enumerable: false });
    }
  }
}

const firstFrame = (stack: string): string => stack.split("\n")[1] ?? "";

const root = join(import.meta.dirname, "..");

const filesIn = (folder: string): readonly string[] =>
  readdirSync(join(root, folder), { recursive: folder === "analyzer", encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => join(root, folder, file));

/** The statements of the tests and of the referee, and some over a table for what these have of constants only. */
function statements(): readonly string[] {
  const texts = new Set<string>([
    "select k between 1 and 2, (k + v) not between 1 and 2 from s.t",
    "select * from s.t as a left join lateral (select a.k as j, 'x' as y) as b on b.j > 1",
    "select * from s.t pivot (sum(v) for k in (1, 2))",
    "create temp function f(x int64, y int64) as (x * x + y); select f(k + 1, v + 1) from s.t",
  ]);
  for (const file of ["tests/analyzer", "tests/duckdb", "referee"].flatMap(filesIn)) {
    if (!file.endsWith(".test.ts") || /run-limits|language-js/.test(file)) continue;
    for (const [, text = ""] of readFileSync(file, "utf8").matchAll(/"((?:[^"\\\n]|\\.)*)"/g))
      if (/^\s*(?:select|with|from|create|declare|\()\b/i.test(text)) texts.add(text.replace(/\\(.)/g, "$1"));
  }
  return [...texts];
}

const warehouse = await openLocalWarehouse();
afterAll(() => warehouse.close());

test("when statements are analysed, then no text made for DuckDB is read, but where it is said why", async () => {
  const all = statements();
  expect(all.length).toBeGreaterThan(600);
  await warehouse.run(
    "create schema s; create table s.t as select k, k * 2 as v, 'x' as w from unnest([1, 2, 3]) as k",
  );
  watch();
  for (const sql of all) await warehouse.run(sql).catch(() => undefined);
  for (const one of undo.splice(0)) one();
  expect([...found].sort()).toEqual(named);
});

test("when a file of the analyzer asks something of a text, then it is not of the text of a value", () => {
  const asks = `\\.sql\\s*\\.(?:${Object.values(readers)
    .flatMap(([names]) => names.split(" "))
    .join("|")})\\(|\\.(?:test|exec)\\([^()]*\\.sql\\b`;
  const asking = filesIn("analyzer").filter((file) => new RegExp(asks).test(readFileSync(file, "utf8")));
  expect(asking).toEqual([]);
});

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";
import { valueCircles } from "../packages/googlesql/tests/support/value-circles.ts";

const root = resolve(import.meta.dirname, "..");

const low = ["errors", "includes", "platform"] as const;
const middle = [...low, "warehouse", "scoring", "policy"] as const;

/** Who may know whom. A room that is not listed as known may not be imported. */
const mayKnow: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  includes: [],
  platform: ["errors"],
  packages: [],
  warehouse: [...low, "packages"],
  ingest: [...low, "warehouse"],
  scoring: low,
  policy: [...low, "scoring"],
  retrain: middle,
  release: middle,
  serve: [...middle, "release"],
  // It carries out what serve decided, by serve's own reading of what was heard since.
  activation: [...middle, "serve"],
  governance: [...low, "warehouse"],
  report: [...middle, "release"],
  // Pages for people, over what the port reads.
  console: [...low, "warehouse"],
  targets: [...low, "warehouse"],
  simulate: ["errors", "includes"],
  demo: [...middle, "ingest", "retrain", "release", "serve", "activation", "report", "simulate", "targets", "cli"],
  cli: [
    ...middle,
    "packages",
    "ingest",
    "retrain",
    "release",
    "serve",
    "activation",
    "governance",
    "report",
    "console",
    "simulate",
    "targets",
    "demo",
  ],
};
/** Packages that only some rooms may import. */
const ownedBy: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^@google-cloud\/bigquery/, ["warehouse"]],
  [/^@duckdb\//, ["packages", "warehouse"]],
  [/^@google-cloud\/pubsub/, ["ingest"]],
  [/^@google-cloud\/storage/, ["platform", "warehouse"]],
  [/^@google-cloud\/aiplatform/, ["retrain"]],
  [/^@aws-sdk\//, ["activation"]],
];

function sourceFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "node_modules" ? [] : sourceFiles(path);
    return /\.(ts|js)$/.test(entry.name) ? [path] : [];
  });
}

const imports = (text: string): string[] =>
  [...text.matchAll(/(?:from|import)\s*\(?\s*["']([^"']+)["']/g)].map((match) => match[1] ?? "");

test("when a room imports another then it is one that it may know", () => {
  const strangers: string[] = [];
  for (const [room, known] of Object.entries(mayKnow)) {
    for (const file of sourceFiles(join(root, room))) {
      for (const target of imports(readFileSync(file, "utf8"))) {
        if (target.startsWith(".")) {
          const to = relative(root, resolve(dirname(file), target)).split("/")[0] ?? "";
          if (to !== room && to in mayKnow && !known.includes(to))
            strangers.push(`${relative(root, file)} -> ${target}`);
        } else {
          const owner = ownedBy.find(([pattern]) => pattern.test(target));
          if (owner && !owner[1].includes(room)) strangers.push(`${relative(root, file)} -> ${target}`);
        }
      }
    }
  }
  expect(strangers).toEqual([]);
});

/** What may be imported of the engine: what its package.json exports. */
const engineDoors = [
  "packages/googlesql/index.ts",
  "packages/googlesql/duckdb/client.ts",
  "packages/googlesql/verification.json",
];

test("when a room imports the engine then it is by its door", () => {
  const deeper: string[] = [];
  const rooms = [...Object.keys(mayKnow).filter((room) => room !== "packages"), "bench", "scripts"];
  for (const file of [...rooms.flatMap((room) => sourceFiles(join(root, room))), join(root, "index.ts")]) {
    for (const target of imports(readFileSync(file, "utf8"))) {
      const to = target.startsWith(".") ? relative(root, resolve(dirname(file), target)) : target;
      const isEngine = to.startsWith("packages/googlesql") || to.startsWith("@inboxloop/googlesql");
      if (isEngine && !engineDoors.includes(to)) deeper.push(`${relative(root, file)} -> ${target}`);
    }
  }
  expect(deeper).toEqual([]);
});

test("when a file of the engine needs another then it does not go round by the door", () => {
  const inside = sourceFiles(join(root, "packages/googlesql")).filter((file) => !/\/(tests|referee)\//.test(file));
  const round = inside.filter((file) =>
    imports(readFileSync(file, "utf8")).some(
      (target) => relative(root, resolve(dirname(file), target)) === "packages/googlesql/index.ts",
    ),
  );
  expect(round).toEqual([]);
});

test("when a file needs DuckDB then it takes the client that keeps texts exact", () => {
  const rooms = ["packages", "warehouse"].flatMap((room) => sourceFiles(join(root, room)));
  const others = rooms.filter(
    (file) =>
      !/\/(tests|referee)\//.test(file) &&
      imports(readFileSync(file, "utf8")).some((target) => target.startsWith("@duckdb/")),
  );
  expect(others.map((file) => relative(root, file))).toEqual(["packages/googlesql/duckdb/client.ts"]);
});

/** Languages are read by recursive descent: an expression holds queries, and a query expressions. Only there may files need each other. */
const descents = [
  "packages/googlesql/parser",
  "packages/googlesql/analyzer",
  "packages/googlesql/lineage",
  "warehouse/dataform/leakage",
];

test("when files need one another's values in a circle then they read a language by recursive descent", () => {
  const rooms = [...Object.keys(mayKnow), "bench", "scripts"];
  const files = rooms
    .flatMap((room) => sourceFiles(join(root, room)))
    .filter((file) => !/\/(tests|referee|dist)\//.test(file));
  const circles = valueCircles(new Map(files.map((file) => [file, readFileSync(file, "utf8")])));
  const strange = circles
    .map((circle) => circle.map((file) => relative(root, file)))
    .filter((circle) => !descents.some((room) => circle.every((file) => file.startsWith(`${room}/`))));
  expect(strange).toEqual([]);
});

test("when two files take values of each other then a circle is found, and when one takes a type then none is", () => {
  const circle = { "/a.ts": 'import { b } from "./b.ts";', "/b.ts": 'import { type A, a } from "./a.ts";' };
  expect(valueCircles(new Map(Object.entries(circle)))).toEqual([["/a.ts", "/b.ts"]]);
  const none = { ...circle, "/b.ts": 'import { type A } from "./a.ts";\nimport type { C } from "./a.ts";' };
  expect(valueCircles(new Map(Object.entries(none)))).toEqual([]);
});

test("when a model needs the time then it takes it from a variable", () => {
  const clocks = sqlx(join(root, "definitions")).filter((file) =>
    /\bcurrent_(timestamp|date|datetime|time)\b\s*\(/i.test(readFileSync(file, "utf8")),
  );
  expect(clocks.map((file) => relative(root, file))).toEqual([]);
});

function sqlx(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return sqlx(path);
    return name.endsWith(".sqlx") ? [path] : [];
  });
}

// Writes what is generated from code: table types, reference pages. `npm run codegen`; with --check it changes nothing and fails when a file is not current.

import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createProgram } from "../cli/program.ts";
import registry from "../includes/feature_registry.js";
import feeds from "../includes/feeds.js";
import machines from "../includes/machines.js";
import rawTables from "../includes/raw_tables.js";
import { catalogue, referencePage } from "../packages/googlesql/index.ts";
import { buildProject } from "../warehouse/dataform/build.ts";
import { hasRelation } from "../warehouse/dataform/graph.ts";
import { openDuckDbWarehouse } from "../warehouse/duckdb/adapter.ts";
import { localEngine } from "../warehouse/duckdb/local-engine.ts";
import { columnClassesOf } from "./codegen/column-classes.ts";
import { commandReference } from "./codegen/command-reference.ts";
import { crawlerAgents } from "./codegen/crawler-agents.ts";
import { withFigures } from "./codegen/engine-figures.ts";
import { errorReference } from "./codegen/error-reference.ts";
import { featureReference } from "./codegen/feature-reference.ts";
import { type DescribedTable, modelReference } from "./codegen/model-reference.ts";
import { policyMatrix } from "./codegen/policy-matrix.ts";
import { activationReference, settingsReference } from "./codegen/settings-reference.ts";
import { tableTypes } from "./codegen/table-types.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Every table of the project with its columns, found by building it on a warehouse without a row. */
async function describeTables(): Promise<{
  readonly tables: readonly DescribedTable[];
  /** includes/column_classes.js. */
  readonly classes: string;
}> {
  const dir = mkdtempSync(join(tmpdir(), "inboxloop-codegen-"));
  const raw = Object.fromEntries((rawTables.names as readonly string[]).map((name) => [name, rawTables.columns(name)]));
  const warehouse = await openDuckDbWarehouse({ path: ":memory:", rawDir: join(dir, "raw"), rawTables: raw });
  const engine = localEngine(warehouse, "codegen");
  try {
    const { project, result } = await buildProject({
      projectDir: root,
      engine,
      vars: { as_of: "2026-01-01T00:00:00Z" },
      cacheDir: join(dir, "compiled"),
      now: () => new Date(0),
      newId: randomUUID,
    });
    const failed = result.results.find(({ outcome }) => outcome === "failed");
    if (failed) throw new Error(`${failed.id} failed: ${failed.error?.message}`);
    const actions = project.graph.actions.filter(hasRelation);
    const relations = await engine.relations(actions);
    const models = actions
      .filter(({ kind }) => kind !== "assertion")
      .flatMap((action): readonly DescribedTable[] => {
        const found = relations.get(action.id);
        if (!found) return [];
        return [
          {
            name: `${action.target.schema}.${action.target.name}`,
            kind: action.kind,
            file: action.file,
            description: action.description,
            columns: found.columns.map(({ name, type }) => ({
              name,
              type,
              description: action.columns.find(({ path }) => path.length === 1 && path[0] === name)?.description ?? "",
            })),
          },
        ];
      });
    const sources = Object.entries(raw).map(([name, columns]) => ({
      name: `raw.${name}`,
      kind: "source",
      file: "includes/raw_tables.js",
      description: "",
      columns: (columns as readonly { name: string; type: string }[]).map((column) => ({ ...column, description: "" })),
    }));
    const tables = [...sources, ...models].sort((a, b) => (a.name < b.name ? -1 : 1));
    return { tables, classes: await columnClassesOf(root, project.graph, tables, raw) };
  } finally {
    await engine.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

const { tables, classes } = await describeTables();
/** A source file as `npm run format` leaves it. */
function formatted(file: string, text: string): string {
  const biome = join(root, "node_modules/@biomejs/biome/bin/biome");
  return execFileSync(process.execPath, [biome, "format", `--stdin-file-path=${file}`], {
    cwd: root,
    input: text,
    encoding: "utf8",
  });
}

const { ownWords, wholeAgents } = machines;
const knownAgents = new RegExp([...wholeAgents.map((agent: string) => `^${agent}$`), ...ownWords].join("|"));
const generated: Readonly<Record<string, string>> = {
  "warehouse/kysely/tables.ts": formatted("warehouse/kysely/tables.ts", tableTypes(tables)),
  "includes/crawler_agents.js": formatted("includes/crawler_agents.js", crawlerAgents(root, knownAgents)),
  "includes/column_classes.js": formatted("includes/column_classes.js", classes),
  "includes/policy_matrix.js": formatted("includes/policy_matrix.js", policyMatrix(root)),
  "docs/reference/models.md": modelReference(tables),
  "docs/reference/features.md": featureReference(registry, feeds.list),
  "docs/reference/commands.md": commandReference(createProgram(new AbortController().signal)),
  "docs/reference/settings.md": settingsReference(),
  "docs/reference/activation.md": activationReference(readFileSync(join(root, "docs/reference/activation.md"), "utf8")),
  "docs/reference/errors.md": errorReference(root),
  "docs/reference/googlesql.md": referencePage(catalogue),
  "packages/googlesql/README.md": withFigures(readFileSync(join(root, "packages/googlesql/README.md"), "utf8")),
};

const isCheck = process.argv.includes("--check");
const stale = Object.entries(generated).filter(([file, text]) => {
  try {
    return readFileSync(join(root, file), "utf8") !== text;
  } catch {
    return true;
  }
});
if (isCheck) {
  for (const [file] of stale) console.error(`${file} is not current: npm run codegen`);
  process.exitCode = stale.length > 0 ? 4 : 0;
} else {
  for (const [file, text] of stale) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
    console.log(`wrote ${file}`);
  }
}

import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { UserError } from "../errors/user-error.ts";
import type { OpenEngine } from "../targets/target.ts";
import type { Graph, Target } from "../warehouse/dataform/graph.ts";
import type { Column } from "../warehouse/warehouse.ts";
import type { Environment } from "./environment.ts";

/** Options of every command that works on a Dataform project. */
export interface ProjectOptions {
  readonly project?: string;
  readonly vars?: readonly string[];
  readonly select?: readonly string[];
  readonly tags?: readonly string[];
  readonly includeDeps?: boolean;
  readonly sources?: string;
}

const collect = (value: string, earlier: readonly string[] | undefined): readonly string[] => [
  ...(earlier ?? []),
  value,
];

export function addProjectOptions(command: Command): Command {
  return command
    .option("--project <dir>", "a Dataform project (default: the one here, else Inboxloop's own)")
    .option("--vars <name=value>", "override vars of the project; repeatable, or a=1,b=2", collect)
    .option("--sources <dir>", "CSV, NDJSON or Parquet files named dataset.table that feed declarations");
}

export function addSelectionOptions(command: Command): Command {
  return command
    .option("--select <what>", "name, schema.*, tag:x, path:x; +x what it needs, x+ what needs it; repeatable", collect)
    .option("--tags <tag>", "actions with this tag; repeatable", collect)
    .option("--include-deps", "also everything that the selected actions depend on");
}

const holdsProject = (dir: string): boolean =>
  existsSync(join(dir, "dataform.json")) || existsSync(join(dir, "workflow_settings.yaml"));

/** The project that a command works on: `--project`, else the folder it was started in or one above it, else our own. */
export function projectDirOf(options: ProjectOptions, cwd: string): string {
  if (options.project !== undefined) return resolve(cwd, options.project);
  for (let dir = cwd; ; dir = dirname(dir)) {
    if (holdsProject(dir)) return dir;
    if (dirname(dir) === dir) return ownProjectDir();
  }
}

/** Where this package's own definitions/ are, run from its sources or from dist/. */
export function ownProjectDir(): string {
  for (let dir = dirname(fileURLToPath(import.meta.url)); dirname(dir) !== dir; dir = dirname(dir)) {
    const file = join(dir, "package.json");
    if (!existsSync(file)) continue;
    const { name } = JSON.parse(readFileSync(file, "utf8")) as { name?: string };
    if (name === "inboxloop") return dir;
  }
  throw new Error("the package's own folder was not found");
}

/**
 * `--vars`, each `name=value`, or several with commas between. A comma only separates where a `name=` follows, so a value may hold one.
 */
export function varsOf(options: ProjectOptions): Readonly<Record<string, string>> {
  const vars: Record<string, string> = {};
  for (const text of options.vars ?? []) {
    for (const pair of text.split(/,(?=[A-Za-z_]\w*=)/)) {
      const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(pair) ?? [];
      if (name === undefined) {
        throw new UserError(`--vars takes name=value, not "${pair}"`, {
          code: "cli.vars",
          exit: "usage",
          next: "inboxloop build --vars as_of=2026-04-01T00:00:00Z",
        });
      }
      vars[name] = value!;
    }
  }
  return vars;
}

/** A compiled project beside this machine's warehouse. */
export interface OpenProject {
  readonly projectDir: string;
  readonly graph: Graph;
  /** SHA-256 over everything that the graph was made of. */
  readonly digest: string;
  /** The warehouse, `--sources` fed; opened when it is first asked for. */
  readonly engine: () => Promise<OpenEngine>;
  /** The columns of something declared: as the project itself says, else as the warehouse has them. */
  readonly columnsOf: (target: Target) => Promise<readonly Column[] | undefined>;
}

/** Compiles the project that a command is about, and closes behind `work` what it opened of the warehouse. */
export async function withProject<T>(
  world: Environment,
  options: ProjectOptions,
  work: (project: OpenProject) => Promise<T>,
): Promise<T> {
  const { compileProject } = await import("../warehouse/dataform/compile.ts");
  const { sqlName } = await import("../warehouse/dataform/graph.ts");
  const { columnsOfTarget, readDeclaredColumns } = await import("../warehouse/dataform/testing/declared-columns.ts");
  const projectDir = projectDirOf(options, world.cwd);
  const { sayMissedCore } = await import("../warehouse/dataform/project-core.ts");
  const { graph, digest, core } = await compileProject({
    projectDir,
    vars: varsOf(options),
    place: world.target.rawInBigQuery,
    cacheDir: `${world.home.state}/compiled`,
    signal: world.signal,
  });
  // It compiled, and still may mean something else to the compiler that it was written for.
  if (core.missed?.isOtherGeneration === true) world.console.note(`${sayMissedCore(core)}\nnext: ${core.missed.next}`);
  const declared = await readDeclaredColumns(projectDir);
  let opened: Promise<OpenEngine> | undefined;
  const engine = () => {
    opened ??= world.target.openEngine({ projectDir, sources: options.sources });
    return opened;
  };
  try {
    return await work({
      projectDir,
      graph,
      digest,
      engine,
      columnsOf: async (target) => {
        const known = columnsOfTarget(declared, target);
        if (known !== undefined) return known;
        const { warehouse } = await engine();
        if (!target.name.endsWith("*")) return await warehouse.columns(sqlName(target));
        // A wildcard table is no table: only a query knows its columns, if there is one of that name at all.
        return await warehouse.query(`select * from ${sqlName(target)} limit 0`).then(
          ({ columns }) => columns,
          () => undefined,
        );
      },
    });
  } finally {
    await (await opened?.catch(() => undefined))?.close();
  }
}

import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { UserError } from "../errors/user-error.ts";

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

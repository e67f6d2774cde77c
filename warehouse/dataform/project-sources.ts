import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors/user-error.ts";
import { chooseCore, type ProjectCore } from "./project-core.ts";
import { readContent, readTree, refuseOutsiders } from "./project-files.ts";
import { coreName, type InstalledPackage, installedPackages, readManifest } from "./project-packages.ts";

/** Everything a project's graph is made of. */
export interface ProjectSources {
  readonly dir: string;
  /** The settings as the compiler shall see them: vars overridden, no core version that it would want to download. */
  readonly settings: {
    readonly file: "dataform.json" | "workflow_settings.yaml";
    readonly text: string;
    /** Names of the vars that the project's own settings have. */
    readonly vars: readonly string[];
    /** `extension` of workflow_settings.yaml, which Dataform's command line reads for the compiler. */
    readonly extension: unknown;
  };
  /** Path in the project (forward slashes) -> content; text where it is text. */
  readonly files: ReadonlyMap<string, string | Uint8Array>;
  /** Installed npm packages that the project's JavaScript asks for beside Dataform's own, and those that they need in turn. */
  readonly packages: readonly InstalledPackage[];
  /** What its package.json asks for, by name. */
  readonly dependencies: Readonly<Record<string, string>>;
  /** The `@dataform/core` that compiles it. Where that is its own, it is among the packages. */
  readonly core: ProjectCore;
}

/** Where the actions of a project go that name no database of their own. */
export interface Place {
  readonly project: string;
  readonly location?: string | undefined;
}

const rootFile = /\.(js|json|ya?ml|sql)$/i;
const notSources = new Set([
  "node_modules",
  "dist",
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  "biome.json",
]);

/**
 * Reads a Dataform project: definitions/, includes/, JavaScript and data files at its root, and any other folder that its
 * JavaScript requires. Throws a UserError when the folder holds no Dataform project or its settings cannot be read.
 */
export async function readProjectSources(
  dir: string,
  vars: Readonly<Record<string, string>>,
  place?: Place | undefined,
): Promise<ProjectSources> {
  for (const name of [
    "dataform.json",
    "workflow_settings.yaml",
    "package.json",
    "definitions",
    "includes",
    "node_modules",
  ])
    await refuseOutsiders(dir, name);
  const { coreVersion, ...settings } = await readSettings(dir, vars, place);
  const { dependencies, devDependencies } = await readManifest(dir);
  const core = await chooseCore(dir, coreVersion, dependencies[coreName] ?? devDependencies[coreName]);
  const files = new Map<string, string | Uint8Array>();
  for (const folder of ["definitions", "includes"]) await readTree(dir, folder, files);
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const skipped = notSources.has(entry.name) || entry.name.startsWith(".") || entry.name === settings.file;
    if (!entry.isDirectory() && rootFile.test(entry.name) && !skipped && entry.name !== "workflow_settings.yaml") {
      await refuseOutsiders(dir, entry.name);
      files.set(entry.name, await readContent(join(dir, entry.name)));
    }
  }
  const packages = new Set<string>();
  const seen = new Set(["definitions", "includes"]);
  for (let wanted = required(files); wanted.length > 0; wanted = required(files).filter((name) => !seen.has(name))) {
    const before = seen.size;
    for (const name of wanted) {
      if (seen.has(name)) continue;
      seen.add(name);
      const first = name.split("/")[0]!;
      if (first === "node_modules" || name === coreName) continue;
      if (existsSync(join(dir, "node_modules", name))) packages.add(name);
      else if (!seen.has(`${first}/`) && existsSync(join(dir, first))) {
        seen.add(`${first}/`);
        await refuseOutsiders(dir, first);
        await readTree(dir, first, files);
      }
    }
    if (seen.size === before) break;
  }
  return {
    dir,
    settings,
    files,
    packages: await installedPackages(dir, core.isOwn ? [...packages, coreName] : packages),
    dependencies,
    core,
  };
}

/**
 * Throws a UserError `dataform.vars` for a var that neither the project's settings have nor any file of it names: nobody would notice
 * that it changes nothing. `where` is the file that gives it.
 */
export function refuseUnknownVars(
  { settings, files }: Pick<ProjectSources, "settings" | "files">,
  vars: Readonly<Record<string, string>>,
  where?: string | undefined,
): void {
  for (const name of Object.keys(vars)) {
    if (settings.vars.includes(name)) continue;
    const escaped = name.replace(/[^\w]/g, "\\$&");
    // `vars.name`, `vars["name"]`, `const { name } = vars`: a var that the settings lack may still be asked for.
    const word = new RegExp(
      `\\.\\s*${escaped}(?![\\w$])|["'\`]${escaped}["'\`]|\\{[^{}]*(?<![\\w$])${escaped}(?![\\w$])[^{}]*\\}\\s*=[^;\\n]*vars`,
    );
    if ([...files.values()].some((text) => typeof text === "string" && word.test(text))) continue;
    const clock = /^(now|current_?(date|datetime|time|timestamp)|today|clock|time)$/i.test(name);
    throw new UserError(
      `the project has no var "${name}"; it has ${settings.vars.length > 0 ? [...settings.vars].sort().join(", ") : "none"}${
        clock ? ". To hold the clock still in a test, write `now: 2026-03-10T00:00:00Z` into its vars.yaml" : ""
      }`,
      { code: "dataform.vars", exit: "config", where: where ?? settings.file },
    );
  }
}

/** First segments (or package names) of what the files require. */
function required(files: ReadonlyMap<string, string | Uint8Array>): string[] {
  const found = new Set<string>();
  for (const [path, content] of files) {
    if (typeof content !== "string" || !/\.(js|sqlx)$/.test(path)) continue;
    for (const match of content.matchAll(/\brequire\(\s*["'`]([^"'`]+)["'`]\s*\)/g)) {
      const segments = match[1]!.split("/").filter((part) => part !== "." && part !== ".." && part !== "");
      if (segments[0] === undefined) continue;
      found.add(segments[0].startsWith("@") ? segments.slice(0, 2).join("/") : segments[0]);
    }
  }
  found.delete("definitions");
  found.delete("includes");
  return [...found];
}

/** Settings of Dataform's first years that say how to run, not what to build, or say it under another name. */
const bygone = [
  "gcloudProjectId",
  "idempotentActionRetries",
  "useRunCache",
  "useSingleQueryPerAction",
  "concurrentQueryLimit",
];

async function readSettings(
  dir: string,
  vars: Readonly<Record<string, string>>,
  place: Place | undefined,
): Promise<ProjectSources["settings"] & { readonly coreVersion: string | undefined }> {
  for (const file of ["workflow_settings.yaml", "dataform.json"] as const) {
    const path = join(dir, file);
    if (!existsSync(path)) continue;
    const settings = await parseSettings(file, await readFile(path, "utf8"));
    const coreVersion = settings["dataformCoreVersion"];
    delete settings["dataformCoreVersion"];
    if (file === "dataform.json") translateBygone(settings);
    const own = settings["vars"];
    const merged = { ...(isRecord(own) ? own : {}), ...vars };
    if (Object.keys(merged).length > 0) settings["vars"] = merged;
    if (place !== undefined) {
      settings[file === "dataform.json" ? "defaultDatabase" : "defaultProject"] = place.project;
      if (place.location !== undefined) settings["defaultLocation"] = place.location;
    }
    // JSON is YAML too, and quotes every text: a bare 2026-03-10T00:00:00Z would be read as a date.
    const text = JSON.stringify(settings, null, 2);
    const extension = file === "workflow_settings.yaml" ? settings["extension"] : undefined;
    return {
      file,
      text,
      vars: isRecord(own) ? Object.keys(own) : [],
      extension,
      coreVersion: coreVersion === undefined ? undefined : String(coreVersion),
    };
  }
  throw new UserError(`${dir} holds no Dataform project: neither workflow_settings.yaml nor dataform.json is there`, {
    code: "dataform.no-project",
    exit: "config",
    where: dir,
    next: "inboxloop build --project <folder of the project>",
  });
}

function translateBygone(settings: Record<string, unknown>): void {
  const warehouse = settings["warehouse"];
  if (typeof warehouse === "string" && warehouse !== "bigquery") {
    throw new UserError(`the project is written for ${warehouse}: its SQL is not GoogleSQL`, {
      code: "dataform.warehouse",
      exit: "config",
      where: "dataform.json",
    });
  }
  if (settings["defaultDatabase"] === undefined && settings["gcloudProjectId"] !== undefined)
    settings["defaultDatabase"] = settings["gcloudProjectId"];
  for (const name of bygone) delete settings[name];
}

async function parseSettings(file: string, text: string): Promise<Record<string, unknown>> {
  try {
    const settings: unknown = file === "dataform.json" ? JSON.parse(text) : ((await import("yaml")).parse(text) ?? {});
    if (isRecord(settings)) return settings;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new UserError(`${file} cannot be read: ${why}`, {
      code: "dataform.settings",
      exit: "config",
      where: file,
      cause,
    });
  }
  throw new UserError(`${file} must hold a mapping of settings`, {
    code: "dataform.settings",
    exit: "config",
    where: file,
  });
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

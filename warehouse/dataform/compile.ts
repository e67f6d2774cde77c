import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { UserError } from "../../errors/user-error.ts";
import type { Graph } from "./graph.ts";
import { type ProjectSources, readProjectSources } from "./project-sources.ts";
import { refuseLeakedText } from "./refuse-leaked-text.ts";

export interface CompileOptions {
  /** Folder with dataform.json or workflow_settings.yaml. */
  readonly projectDir: string;
  /** Overrides of the project's vars. Values may contain anything, commas included. */
  readonly vars?: Readonly<Record<string, string>> | undefined;
  /** Where compiled graphs are kept by the digest of their inputs; none is kept when absent. */
  readonly cacheDir?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface CompiledProject {
  readonly graph: Graph;
  /** SHA-256 over everything the graph was made of: files, settings, vars and the compiler's version. */
  readonly digest: string;
  readonly fromCache: boolean;
}

const require = createRequire(import.meta.url);
/** Goes up when what is read out of the compiler's answer changes. */
const cacheFormat = "2";

/**
 * Compiles a Dataform project with Dataform's own compiler, as a child process, without network or credentials. The project is
 * compiled from a copy in which `@dataform/core` is ours, so neither an installed node_modules nor a download is needed.
 * Errors of the project are UserErrors `dataform.*` with the file, and the line where it can be told.
 */
export async function compileProject(options: CompileOptions): Promise<CompiledProject> {
  const projectDir = resolve(options.projectDir);
  const sources = await readProjectSources(projectDir, options.vars ?? {});
  const digest = digestOf(sources);
  const cached = options.cacheDir === undefined ? undefined : join(options.cacheDir, `${digest}.json`);
  if (cached !== undefined) {
    const text = await readFile(cached, "utf8").catch(() => undefined);
    const graph = text === undefined ? undefined : readCached(text);
    if (graph !== undefined) return { graph, digest, fromCache: true };
  }
  const { parseCompiledGraph } = await import("./compiled-graph-schema.ts");
  const graph = parseCompiledGraph(await runCompiler(sources, options.signal));
  refuseCompilationErrors(graph, sources);
  refuseLeakedText(graph, sources.files);
  if (cached !== undefined) {
    await mkdir(dirname(cached), { recursive: true });
    const half = `${cached}.${randomBytes(4).toString("hex")}`;
    await writeFile(half, JSON.stringify(graph));
    await rename(half, cached);
  }
  return { graph, digest, fromCache: false };
}

/** A torn or foreign cache file counts as none. What is read back is what this module wrote, under a digest of its inputs. */
function readCached(text: string): Graph | undefined {
  try {
    return JSON.parse(text) as Graph;
  } catch {
    return undefined;
  }
}

function versionOf(name: "@dataform/cli" | "@dataform/core"): string {
  return (require(`${name}/package.json`) as { version?: string }).version ?? "3";
}

function digestOf(sources: ProjectSources): string {
  const hash = createHash("sha256");
  const add = (text: string | Uint8Array) => {
    hash.update(`${text.length}:`);
    hash.update(text);
  };
  add(`${cacheFormat} core ${versionOf("@dataform/core")} cli ${versionOf("@dataform/cli")}`);
  add(sources.settings.text);
  for (const [path, content] of [...sources.files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    add(path);
    add(content);
  }
  for (const name of sources.packages) add(name);
  return hash.digest("hex");
}

const coreDir = (): string => dirname(require.resolve("@dataform/core/package.json"));

async function runCompiler(sources: ProjectSources, signal: AbortSignal | undefined): Promise<unknown> {
  const root = await mkdtemp(join(tmpdir(), "inboxloop-compile-"));
  try {
    const project = join(root, "project");
    const temporary = join(root, "tmp");
    const core = join(project, "node_modules", "@dataform", "core");
    await mkdir(core, { recursive: true });
    await mkdir(temporary);
    for (const name of ["bundle.js", "package.json"]) await cp(join(coreDir(), name), join(core, name));
    await writeFile(join(project, "package.json"), '{"dependencies":{"@dataform/core":"*"}}');
    await writeFile(join(project, sources.settings.file), sources.settings.text);
    for (const [path, content] of sources.files) {
      const to = join(project, path);
      await mkdir(dirname(to), { recursive: true });
      await writeFile(to, content);
    }
    for (const name of sources.packages) {
      const from = join(sources.dir, "node_modules", name);
      if (existsSync(from)) await cp(from, join(project, "node_modules", name), { recursive: true, dereference: true });
    }
    const { stdout, stderr } = await runDataform(["compile", project, "--json", "--timeout=300s"], temporary, signal);
    const begin = stdout.indexOf("{");
    if (begin >= 0) {
      try {
        return JSON.parse(stdout.slice(begin));
      } catch {
        // falls through: no whole document came out
      }
    }
    throw projectError(
      withoutColour(stderr || stdout)
        .replaceAll(`${project}/`, "")
        .trim(),
      sources,
    );
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

interface ChildOutput {
  readonly stdout: string;
  readonly stderr: string;
}

function runDataform(
  args: readonly string[],
  temporary: string,
  signal: AbortSignal | undefined,
): Promise<ChildOutput> {
  const entry = require.resolve("@dataform/cli/bundle.js");
  return new Promise((done, failed) => {
    execFile(
      process.execPath,
      [entry, ...args],
      {
        maxBuffer: 1 << 30,
        env: { PATH: process.env["PATH"], TMPDIR: temporary, HOME: temporary },
        ...(signal ? { signal } : {}),
      },
      (error, stdout, stderr) => {
        // A non-zero exit comes with the graph and its errors on stdout; only a child that never ran is trouble here.
        if (error && (signal?.aborted || typeof error.code !== "number"))
          failed(signal?.aborted ? signal.reason : error);
        else done({ stdout, stderr });
      },
    );
  });
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminal colours begin with one
const withoutColour = (text: string): string => text.replace(/\u001b\[[0-9;]*m/g, "");

function refuseCompilationErrors(graph: Graph, sources: ProjectSources): void {
  const [first] = graph.errors;
  if (first === undefined) return;
  const others = graph.errors.length - 1;
  const at = locate(first.file, first.message, first.stack, sources.files);
  const message = first.message.split("\n    at ")[0]!.trim();
  throw new UserError(`${message}${others > 0 ? ` (and ${others} more)` : ""}`, {
    code: "dataform.compile",
    exit: "config",
    where: at,
  });
}

function projectError(text: string, sources: ProjectSources): UserError {
  const message = text.split("\n").find((line) => line.trim() !== "") ?? "the Dataform compiler said nothing";
  const file = [...sources.files.keys()].find((path) => text.includes(path));
  return new UserError(message.trim(), {
    code: "dataform.compile",
    exit: "config",
    where: locate(file, text, undefined, sources.files) ?? sources.settings.file,
  });
}

/** file:line of a compile error: from the stack where the compiler left it there, else by looking for the name that it misses. */
function locate(
  file: string | undefined,
  message: string,
  stack: string | undefined,
  files: ReadonlyMap<string, string | Uint8Array>,
): string | undefined {
  if (file === undefined || file === "") return undefined;
  const text = files.get(file);
  if (typeof text !== "string") return locateReference(message, files) ?? (files.has(file) ? file : undefined);
  const lines = text.split("\n");
  const missing =
    /(?:^|\n|[ .:])([\w$]+) is not (?:defined|a function)/.exec(message)?.[1] ??
    /reading '([\w$]+)'/.exec(message)?.[1] ??
    /depends on (?:\{[^}]*"name":"([^"]+)")/.exec(message)?.[1] ??
    /(?:Could not resolve|unresolved dependency|dependency) "?(?:[\w-]+\.)*([\w-]+)"?/i.exec(message)?.[1];
  if (missing !== undefined) {
    const found = lines.findIndex((line) => new RegExp(`(^|[^\\w$])${escapeRegExp(missing)}([^\\w$]|$)`).test(line));
    if (found >= 0) return `${file}:${found + 1}`;
  }
  // The compiler wraps a file in three lines of its own.
  const inStack = new RegExp(`${escapeRegExp(file)}:(\\d+)`).exec(`${message}\n${stack ?? ""}`)?.[1];
  if (inStack !== undefined && file.endsWith(".js")) {
    const line = Number(inStack) - 3;
    if (line >= 1 && line <= lines.length) return `${file}:${line}`;
  }
  return file;
}

/** file:line of the first `ref` to the action that a message names, for errors that the compiler lays at no file of the project. */
function locateReference(message: string, files: ReadonlyMap<string, string | Uint8Array>): string | undefined {
  const name = /Action name: ([\w.-]+?)\.? |Could not resolve "([^"]+)"/
    .exec(message)
    ?.slice(1)
    .find((found) => found !== undefined);
  if (name === undefined) return undefined;
  const reference = new RegExp(`(ref|resolve)\\(\\s*["'\`]${escapeRegExp(name)}["'\`]`);
  for (const [path, content] of files) {
    if (typeof content !== "string" || !path.startsWith("definitions/")) continue;
    const line = content.split("\n").findIndex((other) => reference.test(other));
    if (line >= 0) return `${path}:${line + 1}`;
  }
  return undefined;
}

const escapeRegExp = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

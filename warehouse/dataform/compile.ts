import { createHash, randomBytes } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { compilerTrouble, refuseCompilationErrors } from "./compile-errors.ts";
import {
  type CompilerAnswer,
  CompilerFailed,
  layCompilerInto,
  layManifestInto,
  runCompiler,
} from "./compiler-process.ts";
import type { Graph } from "./graph.ts";
import type { ProjectCore } from "./project-core.ts";
import { refuseOutsiders } from "./project-files.ts";
import { type Place, type ProjectSources, readProjectSources, refuseUnknownVars } from "./project-sources.ts";
import { refuseLeakedText } from "./refuse-leaked-text.ts";

export interface CompileOptions {
  /** Folder with dataform.json or workflow_settings.yaml. */
  readonly projectDir: string;
  /** Overrides of the project's vars. Values may contain anything, commas included. */
  readonly vars?: Readonly<Record<string, string>> | undefined;
  /** Goes before the project's own default database and location: those of the target it is built on. */
  readonly place?: Place | undefined;
  /** Where compiled graphs are kept by the digest of their inputs; none is kept when absent. */
  readonly cacheDir?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The time that it is to the project's JavaScript; that of the clock when absent. */
  readonly now?: Date | undefined;
}

export interface CompiledProject {
  readonly graph: Graph;
  /** SHA-256 over everything the graph was made of: files, settings, vars and the compiler's version; over itself, where `ambient`. */
  readonly digest: string;
  readonly fromCache: boolean;
  /** The compiler that made it. */
  readonly core: ProjectCore;
  /** What the project's JavaScript asked for that is no part of its files (the clock, a random number): such a graph is kept nowhere. */
  readonly ambient: readonly string[];
}

const require = createRequire(import.meta.url);
/** Goes up when what is read out of the compiler's answer changes. */
const cacheFormat = "5";

/**
 * Compiles a Dataform project with Dataform's own compiler, as a child process, without network or credentials. The project is
 * compiled from a copy, by the core that it asks for where its node_modules has that one and by ours otherwise, so nothing need be
 * installed or downloaded. Errors of the project are UserErrors `dataform.*` with the file, and the line where it can be told.
 */
export async function compileProject(options: CompileOptions): Promise<CompiledProject> {
  const projectDir = resolve(options.projectDir);
  const sources = await readProjectSources(projectDir, options.vars ?? {}, options.place);
  refuseUnknownVars(sources, options.vars ?? {});
  const { core } = sources;
  const digest = digestOf(sources, options.now);
  const cached = options.cacheDir === undefined ? undefined : join(options.cacheDir, `${digest}.json`);
  if (cached !== undefined) {
    const text = await readFile(cached, "utf8").catch(() => undefined);
    const graph = text === undefined ? undefined : readCached(text);
    if (graph !== undefined) return { graph, digest, fromCache: true, core, ambient: [] };
  }
  const { parseCompiledGraph } = await import("./compiled-graph-schema.ts");
  const { withPlainReferences } = await import("./plain-references.ts");
  const { graph: answer, ambient } = await compileCopy(sources, options);
  const compiled = parseCompiledGraph(answer);
  refuseCompilationErrors(compiled, sources);
  refuseLeakedText(compiled, sources.files);
  const written = new Set([...compiled.actions, ...compiled.tests].map(({ file }) => file));
  const texts = Object.fromEntries(
    [...sources.files].flatMap(([path, text]) => (typeof text === "string" && written.has(path) ? [[path, text]] : [])),
  );
  const graph: Graph = { ...withPlainReferences(compiled), texts };
  if (ambient.length > 0) {
    const own = createHash("sha256").update(digest).update(JSON.stringify(graph)).digest("hex");
    return { graph, digest: own, fromCache: false, core, ambient };
  }
  if (cached !== undefined) {
    await mkdir(dirname(cached), { recursive: true });
    const half = `${cached}.${randomBytes(4).toString("hex")}`;
    await writeFile(half, JSON.stringify(graph));
    await rename(half, cached);
  }
  return { graph, digest, fromCache: false, core, ambient };
}

/** A torn or foreign cache file counts as none. What is read back is what this module wrote, under a digest of its inputs. */
function readCached(text: string): Graph | undefined {
  try {
    return JSON.parse(text) as Graph;
  } catch {
    return undefined;
  }
}

const cliVersion = (): string => (require("@dataform/cli/package.json") as { version?: string }).version ?? "3";

function digestOf(sources: ProjectSources, now: Date | undefined): string {
  const hash = createHash("sha256");
  const add = (text: string | Uint8Array) => {
    hash.update(`${text.length}:`);
    hash.update(text);
  };
  add(`${cacheFormat} core ${sources.core.version} cli ${cliVersion()}`);
  if (now !== undefined) add(`now ${now.toISOString()}`);
  add(sources.settings.text);
  for (const [path, content] of [...sources.files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    add(path);
    add(content);
  }
  for (const { name, version, content } of sources.packages) add(`${name} ${version} ${content}`);
  return hash.digest("hex");
}

/** Lays a copy of the project beside its compiler, and has it compiled there. */
async function compileCopy(
  sources: ProjectSources,
  { signal, now }: Pick<CompileOptions, "signal" | "now">,
): Promise<CompilerAnswer> {
  const root = await mkdtemp(join(tmpdir(), "inboxloop-compile-"));
  try {
    const project = join(root, "project");
    const temporary = join(root, "tmp");
    await mkdir(temporary);
    if (sources.core.isOwn) await layManifestInto(project);
    else await layCompilerInto(project);
    await writeFile(join(project, sources.settings.file), sources.settings.text);
    for (const [path, content] of sources.files) {
      const to = join(project, path);
      await mkdir(dirname(to), { recursive: true });
      await writeFile(to, content);
    }
    for (const { name } of sources.packages) {
      const from = join(sources.dir, "node_modules", name);
      await cp(from, join(project, "node_modules", name), {
        recursive: true,
        dereference: true,
        filter: async (path) => {
          await refuseOutsiders(sources.dir, relative(sources.dir, path));
          return true;
        },
      });
    }
    const bygoneFiles = sources.core.version.startsWith("3.")
      ? undefined
      : [sources.settings.file, ...sources.files.keys()];
    const { extension } = sources.settings;
    return await runCompiler({ projectDir: project, bygoneFiles, extension, temporary, signal, now });
  } catch (error) {
    if (!(error instanceof CompilerFailed)) throw error;
    const said = withoutColour(error.message).replaceAll(`${join(root, "project")}/`, "");
    throw await compilerTrouble(said.trim(), error.graph, sources);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminal colours begin with one
const withoutColour = (text: string): string => text.replace(/\u001b\[[0-9;]*m/g, "");

import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, realpath, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, sep } from "node:path";
import { bygoneCompilerBoot, compilerBoot, isAmbientRead } from "./compiler-boot.ts";

const require = createRequire(import.meta.url);
/** Where `@dataform/core` lies: the compiler itself, and the .proto files of what it answers. */
const coreDir = (): string => dirname(require.resolve("@dataform/core/package.json"));

/** Makes a folder a project with our `@dataform/core`, as the compiler wants to find one. */
export async function layCompilerInto(projectDir: string): Promise<void> {
  const core = join(projectDir, "node_modules", "@dataform", "core");
  await mkdir(core, { recursive: true });
  for (const name of ["bundle.js", "package.json"]) await cp(join(coreDir(), name), join(core, name));
  await layManifestInto(projectDir);
}

/** What makes a folder a project to the compiler, whose core comes from elsewhere. */
export async function layManifestInto(projectDir: string): Promise<void> {
  await mkdir(projectDir, { recursive: true });
  await writeFile(join(projectDir, "package.json"), '{"dependencies":{"@dataform/core":"*"}}');
}

/** What the compiler's process said where a graph should have been. */
export class CompilerFailed extends Error {
  override readonly name = "CompilerFailed";
  /** What the compiler had in hand and could not pack, where it had got so far: a graph as it is before it is checked. */
  readonly graph: unknown;

  constructor(message: string, graph?: unknown) {
    super(message);
    this.graph = graph;
  }
}

export interface CompilerRun {
  /** A project with `@dataform/core` in its node_modules. */
  readonly projectDir: string;
  /** Where that is a core before 3: the files that it is to read, by their path in the project. */
  readonly bygoneFiles?: readonly string[] | undefined;
  /** As the project's settings have it. */
  readonly extension: unknown;
  /** The process's home and temporary folder. */
  readonly temporary: string;
  readonly signal: AbortSignal | undefined;
  /** The time that it is to the project's JavaScript; that of the clock when absent. */
  readonly now?: Date | undefined;
  /** How long it may take before it is ended; five minutes by default. */
  readonly limitMs?: number | undefined;
}

const longestMs = 300_000;

/**
 * Node's own wall around the compiler's process, behind the compiler's sandbox: it reads the project's copy and the compiler, writes
 * nothing, and starts no process and no thread.
 */
export function permissions(readable: readonly string[]): readonly string[] {
  const flag = ["--permission", "--experimental-permission"].find((one) =>
    process.allowedNodeEnvironmentFlags.has(one),
  );
  if (flag === undefined) return [];
  return [flag, "--no-warnings", ...readable.map((path) => `--allow-fs-read=${path}`)];
}
/** Of what a project's JavaScript writes, enough for a message. */
const mostSaid = 64 << 10;

export interface CompilerAnswer {
  /** The graph as `dataform compile --json` prints it. */
  readonly graph: unknown;
  /** What the project's JavaScript asked for that no file of it says: the clock, a random number. Then the next answer may differ. */
  readonly ambient: readonly string[];
}

/**
 * The compiled graph as `dataform compile --json` prints it. Dataform's command line is left out, its worker is not: it compiles
 * in a sandbox, in a process of its own. Loaded as a module it listens once; started by the command line it does so twice, and
 * compiles everything again before it gives away a graph that is longer than a socket's buffer. Throws CompilerFailed.
 */
export async function runCompiler(run: CompilerRun): Promise<CompilerAnswer> {
  const worker = require.resolve("@dataform/cli/worker_bundle.js");
  const vm2 = require.resolve("vm2", { paths: [dirname(worker)] });
  const limitMs = run.limitMs ?? longestMs;
  const modules = [
    ...new Set([worker, vm2].map((path) => path.slice(0, path.lastIndexOf(`${sep}node_modules${sep}`) + 14))),
  ];
  const projectDir = await realpath(run.projectDir);
  const walls = permissions([projectDir, ...modules].map((path) => join(path, "*")));
  const held = run.now?.getTime();
  const boot = run.bygoneFiles === undefined ? compilerBoot(worker, vm2, held) : bygoneCompilerBoot(vm2, held);
  const asked =
    run.bygoneFiles === undefined
      ? { projectDir, extension: run.extension }
      : { projectDir, request: await encodeRequest(projectDir, run.bygoneFiles) };
  const child = spawn(process.execPath, [...walls, "--eval", boot], {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    // Dates without a zone are UTC's, as where Google compiles.
    env: { PATH: process.env["PATH"], TMPDIR: run.temporary, HOME: run.temporary, TZ: "UTC" },
    timeout: limitMs,
    killSignal: "SIGKILL",
    ...(run.signal ? { signal: run.signal } : {}),
  });
  const began = Date.now();
  let said = "";
  const hear = (text: string): void => {
    said = `${said}${text}`.slice(-mostSaid);
  };
  child.stdout?.setEncoding("utf8").on("data", hear);
  child.stderr?.setEncoding("utf8").on("data", hear);
  const ambient: string[] = [];
  const answer = new Promise<unknown>((resolve, reject) => {
    child.on("message", (message: unknown) => {
      if (isAmbientRead(message)) ambient.push(message.what);
      else if (isBooted(message)) child.send(asked);
      else resolve(message);
    });
    child.once("error", (error) => reject(run.signal?.aborted ? run.signal.reason : error));
    child.once("close", (code, signal) =>
      reject(
        new CompilerFailed(
          signal === "SIGKILL" && Date.now() - began >= limitMs
            ? `the project's JavaScript did not come to an end within ${limitMs / 1000} s, and was ended`
            : `${said}\nthe compiler ended with ${signal ?? `exit code ${code}`}`,
        ),
      ),
    );
  });
  try {
    const message = await answer;
    if (typeof message !== "string") throw new CompilerFailed(textOf(message), graphOf(message));
    return { graph: await readGraph(Buffer.from(message, "base64")), ambient };
  } finally {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    }
  }
}

const isBooted = (message: unknown): boolean => (message as { type?: unknown } | null)?.type === "worker_booted";

/** An error of the worker's comes as its own properties; the stack begins with the message. */
function textOf(message: unknown): string {
  const { stack, message: text } = (message ?? {}) as { stack?: unknown; message?: unknown };
  return String(stack ?? text ?? JSON.stringify(message));
}

/** JSON that the process of a stranger's project wrote: none where it is not. */
function graphOf(message: unknown): unknown {
  const { graph } = (message ?? {}) as { graph?: unknown };
  try {
    return typeof graph === "string" ? JSON.parse(graph) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The messages between the compiler and us, by our own core's .proto files: a field has one number in every version, and a file that a
 * project brings is not read here.
 */
export async function compilerMessages(): Promise<import("protobufjs").Root> {
  const { default: protobuf } = await import("protobufjs");
  const root = new protobuf.Root();
  const dir = coreDir();
  // Google's own types come with protobufjs, under their name.
  root.resolvePath = (_origin, target) => (target.startsWith("google/") ? target : join(dir, basename(target)));
  return await root.load("core.proto");
}

async function encodeRequest(projectDir: string, files: readonly string[]): Promise<string> {
  const request = (await compilerMessages()).lookupType("dataform.CoreExecutionRequest");
  const asked = request.fromObject({ compile: { compileConfig: { projectDir, filePaths: [...files].sort() } } });
  return Buffer.from(request.encode(asked).finish()).toString("base64");
}

/** From the bytes of a CoreExecutionResponse, in the JSON form of its .proto. */
async function readGraph(bytes: Uint8Array): Promise<unknown> {
  const { default: protobuf } = await import("protobufjs");
  const response = (await compilerMessages()).lookupType("dataform.CoreExecutionResponse");
  const { compile } = response.toObject(response.decode(bytes), protobuf.util.toJSONOptions);
  return compile?.compiledGraph ?? {};
}

import { type ChildProcess, fork } from "node:child_process";
import { Worker } from "node:worker_threads";

/** From sources (tests, `tsx`) a thread or process needs the TypeScript loader; from dist/ it needs nothing. */
const isSource = import.meta.url.endsWith(".ts");

/** Starts a module in a thread. `name` is its path from `base`, the caller's `import.meta.url`, without its extension. */
export function startWorker(name: string, base: string, memoryMb: number): Worker {
  const resourceLimits = { maxOldGenerationSizeMb: memoryMb };
  if (!isSource) return new Worker(new URL(`${name}.js`, base), { resourceLimits });
  const module = new URL(`${name}.ts`, base).href;
  const loader = import.meta.resolve("tsx/esm/api");
  const code = `import(${JSON.stringify(loader)}).then((tsx) => { tsx.register(); return import(${JSON.stringify(module)}); })`;
  return new Worker(code, { eval: true, execArgv: [], resourceLimits });
}

/** Starts a module as a child process with a message channel; its stderr comes through a pipe. Named as for `startWorker`. */
export function startProcess(name: string, base: string, memoryMb: number): ChildProcess {
  const module = new URL(`${name}.${isSource ? "ts" : "js"}`, base);
  return fork(module, [], {
    execArgv: [`--max-old-space-size=${memoryMb}`, ...(isSource ? ["--import", import.meta.resolve("tsx")] : [])],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    serialization: "advanced",
  });
}

/** What a process said last on stderr, for when it ends without an answer. */
export function lastWordsOf(child: ChildProcess): () => string {
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4_000);
  });
  return () => said.trim();
}

import { once } from "node:events";
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import {
  batchMs,
  GuestEnded,
  type GuestFunction,
  type GuestResult,
  GuestSyntaxError,
  tookTooLong,
} from "./guest-realm.ts";
import type { Reply, Request, ThreadData } from "./thread.ts";

/**
 * Functions of the user's in JavaScript: QuickJS in WebAssembly, on a thread of its own. The thread is waited for, since DuckDB wants its
 * answer at once; one that does not come back is ended, whatever it is doing: a built-in function of QuickJS asks nobody.
 */
interface Thread {
  readonly worker: Worker;
  readonly port: MessagePort;
  readonly wake: Int32Array;
}

/** Over the guest's own limit, for what the limit does not reach. */
const graceMs = 2_000;

let starting: Promise<Thread> | undefined;
let thread: Thread | undefined;
/** DuckDB may call a function once more that has just failed. */
let whyNone = "the sandbox does not run";

/** Starts the sandbox where it does not run: to be awaited before a function is made or called. */
export async function startSandbox(): Promise<void> {
  starting ??= start();
  thread = await starting;
}

async function start(): Promise<Thread> {
  const { port1: port, port2 } = new MessageChannel();
  const wake = new Int32Array(new SharedArrayBuffer(4));
  const workerData: ThreadData = { port: port2, wake };
  const options = { workerData, transferList: [port2], env: {}, execArgv: [], stdout: true, stderr: true };
  const worker = await open(options);
  const failed = once(worker, "error").then(([error]) => {
    throw error;
  });
  await Promise.race([once(port, "message"), failed]);
  failed.catch(() => undefined);
  worker.unref();
  port.unref();
  return { worker, port, wake };
}

/** From sources (tests, `tsx`) the thread needs the TypeScript loader; from compiled files it needs nothing. */
async function open(options: ConstructorParameters<typeof Worker>[1]): Promise<Worker> {
  if (import.meta.url.endsWith(".js")) return new Worker(new URL("./thread.js", import.meta.url), options);
  const module = new URL("./thread.ts", import.meta.url).href;
  const loader = import.meta.resolve("tsx/esm/api");
  const code = `import(${JSON.stringify(loader)}).then((tsx) => { tsx.register(); return import(${JSON.stringify(module)}); })`;
  return new Worker(code, { ...options, eval: true });
}

function ask(request: Request, limitMs = batchMs): readonly GuestResult[] {
  if (thread === undefined) throw new GuestEnded(whyNone);
  const { worker, port, wake } = thread;
  Atomics.store(wake, 0, 0);
  port.postMessage(request);
  const answered = Atomics.wait(wake, 0, 0, limitMs + graceMs) !== "timed-out";
  const received = answered ? (receiveMessageOnPort(port) as { readonly message: Reply } | undefined) : undefined;
  if (received === undefined) {
    starting = undefined;
    thread = undefined;
    whyNone = tookTooLong(limitMs);
    void worker.terminate();
    throw new GuestEnded(whyNone);
  }
  const reply = received.message;
  if (reply.kind === "done") return reply.results ?? [];
  throw reply.kind === "syntax-error" ? new GuestSyntaxError(reply.message) : new GuestEnded(reply.message);
}

/** Whether the text is a JavaScript function body. Throws GuestSyntaxError. */
export function checkFunction(fn: GuestFunction): void {
  ask({ kind: "check", fn });
}

/**
 * Runs a function over rows, each the JSON text of its arguments; one that fails is the last. Calls under the same id see what earlier ones
 * left behind in their realm, until it is released. Throws GuestEnded.
 */
export function runFunction(
  id: number,
  fn: GuestFunction,
  rows: readonly string[],
  limitMs = batchMs,
): readonly GuestResult[] {
  return ask({ kind: "run", id, fn, rows, limitMs }, limitMs);
}

export function releaseFunction(id: number): void {
  if (thread !== undefined) ask({ kind: "release", id });
}

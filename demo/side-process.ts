import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { type CarriedError, carriedError, raisedThere } from "../errors/carried-error.ts";
import { lastWordsOf, startProcess } from "../platform/processes.ts";

type Message<Note, Result> =
  | { readonly kind: "note"; readonly note: Note }
  | { readonly kind: "result"; readonly result: Result }
  | { readonly kind: "failed"; readonly error: CarriedError };

/**
 * A process beside ours that is asked for one thing after the other, for what would keep the main thread from its work. (Threads
 * of one process wait for each other's memory: two of them took a quarter more processor time than two processes.)
 */
export class SideProcess<Request, Note> {
  readonly #start: () => ChildProcess;
  readonly #signal: AbortSignal;
  #child: ChildProcess | undefined;
  /** Settled when the process is free for the next request. */
  #free: Promise<unknown> = Promise.resolve();
  #lastWords = () => "";

  /**
   * `name` and `base` as `startProcess` has them; the module calls `serveRequests`. The process starts with the first request;
   * aborting ends it.
   */
  constructor(name: string, base: string, memoryMb: number, signal: AbortSignal) {
    this.#start = () => startProcess(name, base, memoryMb);
    this.#signal = signal;
  }

  /** Queues a request. `onNote` hears what the process says while it works on it. */
  ask<Result>(request: Request, onNote: (note: Note) => void = () => {}): Promise<Result> {
    const answer = this.#free.then(() => this.#answer<Result>(request, onNote));
    this.#free = answer.catch(() => {});
    return answer;
  }

  /** Ends the process; the next request starts another one. */
  async close(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  #answer<Result>(request: Request, onNote: (note: Note) => void): Promise<Result> {
    this.#signal.throwIfAborted();
    if (this.#child === undefined) {
      this.#child = this.#start();
      this.#lastWords = lastWordsOf(this.#child);
    }
    const child = this.#child;
    return new Promise<Result>((resolve, reject) => {
      const onMessage = (data: unknown) => {
        const message = data as Message<Note, Result>;
        if (message.kind === "note") return onNote(message.note);
        settle();
        if (message.kind === "result") resolve(message.result);
        else reject(raisedThere(message.error));
      };
      const fail = (error: unknown) => {
        settle();
        reject(error);
      };
      const onExit = () => fail(new Error(`a process ended before its work was done: ${this.#lastWords()}`));
      const onAbort = () => {
        fail(this.#signal.reason);
        child.kill("SIGKILL");
      };
      const settle = () => {
        child.off("message", onMessage).off("error", fail).off("exit", onExit);
        this.#signal.removeEventListener("abort", onAbort);
      };
      child.on("message", onMessage).on("error", fail).on("exit", onExit);
      this.#signal.addEventListener("abort", onAbort, { once: true });
      child.send(request as object);
    });
  }
}

/** The other end, in the process's own module. */
export function serveRequests<Request, Note>(
  answer: (request: Request, say: (note: Note) => void) => Promise<unknown>,
): void {
  const send = (message: Message<Note, unknown>) => process.send?.(message);
  // Ctrl-C reaches every process of a terminal: what it means is for the one that asked to say.
  process.on("SIGINT", () => {});
  // Nobody is left to hear of it, and whoever starts over wants the folders to be still.
  process.on("disconnect", () => process.exit(1));
  process.on("message", (request) => {
    answer(request as Request, (note) => send({ kind: "note", note })).then(
      (result) => send({ kind: "result", result }),
      (error) => send({ kind: "failed", error: carriedError(error) }),
    );
  });
}

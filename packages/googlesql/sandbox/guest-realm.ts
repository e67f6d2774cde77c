import type { QuickJSContext, QuickJSHandle, QuickJSRuntime } from "quickjs-emscripten-core";
import { guestText } from "./guest.ts";
import { discard, quickJs } from "./quickjs.ts";

/** How the guest sees a type; `guest.ts` reads it. */
export type Shape =
  | { readonly kind: "boolean" | "number" | "integer" | "text" | "date" | "json" }
  | { readonly kind: "array"; readonly element: Shape }
  | { readonly kind: "object"; readonly fields: readonly { readonly name: string; readonly shape: Shape }[] };

export interface GuestFunction {
  /** Names of the parameters. */
  readonly names: readonly string[];
  /** Its body, as JavaScript. */
  readonly code: string;
  readonly parameters: readonly Shape[];
  readonly result: Shape;
}

/** What one row gave: true and the value as its shape says it, or false and what was thrown. */
export type GuestResult = readonly [boolean, unknown];

/** A function that does not come back for this long, over the 2048 rows or fewer that DuckDB hands out at once, is ended: long enough for a machine that has much else to do. */
export const batchMs = 30_000;
const memoryBytes = 128 << 20;
const stackBytes = 256 << 10;

/** The function's text is no JavaScript. */
export class GuestSyntaxError extends Error {}

/** The sandbox has ended the function: it took too long, too much memory, or too many calls within calls. */
export class GuestEnded extends Error {}

/**
 * A function in a realm of its own: its own global object, its own heap. What it leaves behind, built-in objects changed included,
 * is seen by its later calls until `close`, and by nothing else. Throws GuestSyntaxError.
 */
export class GuestRealm {
  private readonly runtime: QuickJSRuntime;
  private readonly context: QuickJSContext;
  private guest: QuickJSHandle | undefined;
  private deadline = performance.now() + batchMs;
  private limitMs = batchMs;
  private isClosed = false;

  constructor(fn: GuestFunction) {
    this.runtime = quickJs().newRuntime({
      memoryLimitBytes: memoryBytes,
      maxStackSizeBytes: stackBytes,
      interruptHandler: () => performance.now() > this.deadline,
    });
    this.context = this.runtime.newContext();
    try {
      this.guest = this.context.unwrapResult(this.context.evalCode(guestText, "guest.js"));
      this.call("define", JSON.stringify(fn)).dispose();
    } catch (error) {
      throw this.ended(error);
    }
  }

  /** Runs a batch of rows within `limitMs`, each the JSON text of its arguments. A row that fails is the last one. Throws GuestEnded. */
  run(rows: readonly string[], limitMs = batchMs): readonly GuestResult[] {
    this.limitMs = limitMs;
    this.deadline = performance.now() + limitMs;
    try {
      const text = this.textOf(this.call("run", `[${rows.join(",")}]`));
      if (text !== "") return readResults(text);
      const jobs = this.runtime.executePendingJobs();
      if (jobs.error) {
        jobs.error.dispose();
        throw new GuestEnded(endedBy("InternalError: interrupted", this.limitMs));
      }
      jobs.dispose();
      return readResults(this.textOf(this.call("settled")));
    } catch (error) {
      throw this.ended(error);
    }
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    try {
      this.guest?.dispose();
      this.context.dispose();
      this.runtime.dispose();
    } catch {
      // What a function that was ended left behind cannot be taken down: nothing of that instance is used again.
      discard();
    }
  }

  private ended(error: unknown): Error {
    if (!(error instanceof GuestSyntaxError) && !(error instanceof GuestEnded)) discard();
    this.close();
    if (error instanceof GuestSyntaxError || error instanceof GuestEnded) return error;
    return new GuestEnded("the sandbox failed", { cause: error });
  }

  private call(name: string, text?: string): QuickJSHandle {
    const { context, guest } = this;
    const method = context.getProp(guest!, name);
    const args = text === undefined ? [] : [context.newString(text)];
    try {
      const result = context.callFunction(method, context.undefined, ...args);
      if (!result.error) return result.value;
      const said = context.dump(result.error) as { name?: unknown; message?: unknown } | null;
      result.error.dispose();
      const message = `${String(said?.name ?? "Error")}: ${String(said?.message ?? "")}`;
      throw said?.name === "SyntaxError"
        ? new GuestSyntaxError(message)
        : new GuestEnded(endedBy(message, this.limitMs));
    } finally {
      method.dispose();
      for (const arg of args) arg.dispose();
    }
  }

  private textOf(handle: QuickJSHandle): string {
    try {
      return this.context.getString(handle);
    } finally {
      handle.dispose();
    }
  }
}

/** What is said of a function that did not come back. */
export const tookTooLong = (limitMs: number): string => `it took longer than ${limitMs / 1000} s for at most 2048 rows`;

function endedBy(text: string, limitMs: number): string {
  if (/interrupted/.test(text)) return tookTooLong(limitMs);
  if (/out of memory/.test(text)) return `it took more than ${memoryBytes >> 20} MB of memory`;
  return text;
}

function readResults(text: string): readonly GuestResult[] {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    found = undefined;
  }
  const isResult = (item: unknown): item is GuestResult =>
    Array.isArray(item) && item.length === 2 && typeof item[0] === "boolean";
  if (!Array.isArray(found) || !found.every(isResult)) throw new GuestEnded("what it returned cannot be read");
  return found;
}

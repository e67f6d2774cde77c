import { type MessagePort, workerData } from "node:worker_threads";
import { GuestEnded, type GuestFunction, GuestRealm, type GuestResult, GuestSyntaxError } from "./guest-realm.ts";
import { loadQuickJs } from "./quickjs.ts";

/** What the thread is asked; it answers each with one `Reply`, then wakes the one who waits. */
export type Request =
  | { readonly kind: "check"; readonly fn: GuestFunction }
  | {
      readonly kind: "run";
      readonly id: number;
      readonly fn: GuestFunction;
      readonly rows: readonly string[];
      readonly limitMs: number;
    }
  | { readonly kind: "release"; readonly id: number };

export type Reply =
  | { readonly kind: "done"; readonly results?: readonly GuestResult[] }
  | { readonly kind: "syntax-error" | "ended"; readonly message: string };

export interface ThreadData {
  readonly port: MessagePort;
  readonly wake: Int32Array;
}

const { port, wake } = workerData as ThreadData;
const realms = new Map<number, GuestRealm>();

function answer(request: Request): Reply {
  switch (request.kind) {
    case "check":
      new GuestRealm(request.fn).close();
      return { kind: "done" };
    case "run": {
      const realm = realms.get(request.id) ?? new GuestRealm(request.fn);
      realms.set(request.id, realm);
      return { kind: "done", results: realm.run(request.rows, request.limitMs) };
    }
    case "release":
      realms.get(request.id)?.close();
      realms.delete(request.id);
      return { kind: "done" };
  }
}

await loadQuickJs();
port.on("message", async (request: Request) => {
  let reply: Reply;
  try {
    reply = answer(request);
  } catch (error) {
    if (request.kind === "run") realms.delete(request.id);
    const message = error instanceof Error ? error.message : String(error);
    reply = { kind: error instanceof GuestSyntaxError ? "syntax-error" : "ended", message };
    if (!(error instanceof GuestSyntaxError) && !(error instanceof GuestEnded)) realms.clear();
    await loadQuickJs();
  }
  port.postMessage(reply);
  Atomics.store(wake, 0, 1);
  Atomics.notify(wake, 0);
});
port.postMessage({ kind: "done" } satisfies Reply);

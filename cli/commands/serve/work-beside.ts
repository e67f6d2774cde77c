import { raisedThere } from "../../../errors/carried-error.ts";
import { startWorker } from "../../../platform/processes.ts";
import type { BesideEvents, BesideWork } from "../../../serve/service/run-service.ts";
import type { Environment } from "../../environment.ts";
import type { FromThread, ToThread } from "./beside-thread.ts";

const memoryMb = 1024;

/** Counts signals and lands decisions in a thread of its own: neither a large catch-up nor a batch for the door keeps anybody waiting for an answer. */
export function workBeside(world: Environment, { onStreamed, onTrouble }: BesideEvents): BesideWork {
  const thread = startWorker("./beside-thread", import.meta.url, memoryMb);
  const tell = (message: ToThread): void => thread.postMessage(message);
  const ended = new Promise<void>((resolve, reject) => {
    thread.on("message", (message: FromThread) => {
      if (message.kind === "streamed") onStreamed(message.streamed);
      else if (message.kind === "trouble") onTrouble(message.code);
      else if (message.kind === "ended") resolve();
      else reject(raisedThere(message.error));
    });
    thread.on("error", reject);
    thread.on("exit", (code) => reject(new Error(`the thread that lands decisions ended with ${code}`)));
  });
  tell({
    kind: "start",
    home: world.home.root,
    target: world.target.name,
    clockAhead: world.now().getTime() - Date.now(),
  });
  return { ended, drain: () => tell({ kind: "drain" }), stop: () => tell({ kind: "stop" }) };
}

import { createIdHasher } from "../ingest/door/id-hasher.ts";
import type { VersionedKey } from "../ingest/door/keys.ts";
import { type Assignment, CanaryRun } from "../simulate/canary.ts";
import type { WorldConfig } from "../simulate/config.ts";
import { type WorldAtEnd, worldAtEnd } from "../simulate/history.ts";
import { writeWorld } from "../simulate/write-world.ts";
import { serveRequests } from "./side-process.ts";

export type SimulatorRequest =
  | { readonly kind: "world"; readonly config: WorldConfig; readonly dir: string }
  | {
      readonly kind: "canary-begins";
      /** Of the world after whose end it runs. */
      readonly config: WorldConfig;
      readonly dir: string;
      readonly label: string;
      readonly startsAt: number;
      readonly complaintFactor: number;
      readonly orderFactor: number;
      readonly idKey: VersionedKey;
    }
  /** Campaigns that go out on the `days` are told of on a day, counted from the canary's first. */
  | { readonly kind: "canary-announces"; readonly days: readonly number[]; readonly toldOn: number }
  /** Who gets what in the mail of that number, by pseudonym under the `idKey`. */
  | { readonly kind: "canary-mails"; readonly number: number; readonly sends: readonly Assignment[] }
  /** What arrives before that day is written. */
  | { readonly kind: "canary-writes"; readonly until: number }
  | { readonly kind: "canary-ends" };

export type SimulatorNote =
  | { readonly kind: "day"; readonly day: number }
  /** A file of the stream is whole. */
  | { readonly kind: "file"; readonly file: string };

/** Kept between requests, so that canaries need not live through the whole period again. */
let end: WorldAtEnd | undefined;
let canary: CanaryRun | undefined;
/** Who hears of the canary's files: whoever asked for what is being done. */
let onFiles: (file: { readonly file: string }) => void = () => {};

serveRequests<SimulatorRequest, SimulatorNote>(async (request, say) => {
  const onFile = ({ file }: { readonly file: string }) => say({ kind: "file", file });
  switch (request.kind) {
    case "world":
      return writeWorld(request.config, request.dir, {
        onFile,
        onDay: (day) => say({ kind: "day", day }),
        onEnd: (reached) => {
          end = reached;
        },
      });
    case "canary-begins": {
      const { config, idKey, kind: _, ...options } = request;
      end ??= worldAtEnd(config);
      canary = new CanaryRun({
        ...options,
        ...end,
        pseudonymise: createIdHasher(idKey),
        onFile: (file) => onFiles(file),
      });
      onFiles = onFile;
      return undefined;
    }
    case "canary-announces":
      return begun().announce(request.days, request.toldOn);
    case "canary-mails":
      for (const send of request.sends) begun().carryOut(send, request.number);
      return undefined;
    case "canary-writes":
      onFiles = onFile;
      return begun().writeUntil(request.until);
    case "canary-ends": {
      onFiles = onFile;
      const result = begun().end();
      // Whoever was mailed, left or complained stays so for the next canary.
      if (end) end = { ...end, state: begun().state };
      canary = undefined;
      return result;
    }
  }
});

function begun(): CanaryRun {
  if (!canary) throw new Error("no canary has begun");
  return canary;
}

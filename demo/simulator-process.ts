import { createIdHasher } from "../ingest/door/id-hasher.ts";
import type { VersionedKey } from "../ingest/door/keys.ts";
import { type Assignment, type CanaryResult, simulateCanary } from "../simulate/canary.ts";
import type { WorldConfig } from "../simulate/config.ts";
import { type WorldAtEnd, worldAtEnd } from "../simulate/history.ts";
import { type SimulationResult, writeWorld } from "../simulate/write-world.ts";
import { serveRequests } from "./side-process.ts";

export type SimulatorRequest =
  | { readonly kind: "world"; readonly config: WorldConfig; readonly dir: string }
  | {
      readonly kind: "canary";
      /** Of the world after whose end it runs. */
      readonly config: WorldConfig;
      readonly dir: string;
      readonly label: string;
      readonly release: string;
      readonly startsAt: number;
      /** Who gets what in each mail, by pseudonym under `idKey`. */
      readonly mail: readonly Assignment[];
      readonly mails: number;
      readonly complaintFactor: number;
      readonly orderFactor: number;
      readonly idKey: VersionedKey;
    };

export type SimulatorNote =
  | { readonly kind: "day"; readonly day: number }
  /** A file of the stream is whole. */
  | { readonly kind: "file"; readonly file: string };

/** Kept between requests, so that canaries need not live through the whole period again. */
let end: WorldAtEnd | undefined;

serveRequests<SimulatorRequest, SimulatorNote>((request, say): Promise<SimulationResult | CanaryResult> => {
  const onFile = ({ file }: { readonly file: string }) => say({ kind: "file", file });
  if (request.kind === "world") {
    return writeWorld(request.config, request.dir, {
      onFile,
      onDay: (day) => say({ kind: "day", day }),
      onEnd: (reached) => {
        end = reached;
      },
    });
  }
  const { config, mail, mails, idKey, kind: _, ...canary } = request;
  end ??= worldAtEnd(config);
  const assignments = Array.from({ length: mails }, () => mail).flat();
  return simulateCanary({
    ...canary,
    ...end,
    assignments,
    isByMail: true,
    pseudonymise: createIdHasher(idKey),
    onFile,
  });
});

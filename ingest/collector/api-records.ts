import { consentStatements } from "../consent-signals/consent-signal.ts";
import { decodeApiRecord } from "../decoders.ts";
import type { DeviceReportsAsked } from "../door/device-report.ts";
import { createDoor, type Door } from "../door/door.ts";
import type { DeadLetterReason } from "../door/signal.ts";

/** The routes of `/v1` and the raw table that each of them fills. */
export const apiTables = {
  events: "events",
  consents: "consents",
  profiles: "profiles",
  "identity-links": "identity_links",
  erasures: "erasure_requests",
  "seed-tests": "seed_tests",
  "device-reports": "device_reports",
} as const satisfies Readonly<Record<string, string>>;

export type ApiRoute = keyof typeof apiTables;
export const apiRoutes = Object.keys(apiTables) as readonly ApiRoute[];

/** A record that would not land: its place in the call, and why in words of our own. */
export interface RefusedRecord {
  readonly index: number;
  readonly reason: DeadLetterReason;
  readonly detail: string;
}

/** Routes of which a call is taken whole or not at all: what is refused there must not be kept, and so must not come as far as a dead letter. */
export const wholeRoutes: ReadonlySet<ApiRoute> = new Set(["device-reports"]);

/** Refused records that an answer names one by one. */
export const namedRefusals = 100;

/** Ids are made by who lands a record; here only whether there is one counts. */
const noId = (): string => `sha256:${"0".repeat(64)}`;

/** A door that only says whether it would take a record. */
export const askingDoor = (deviceReports?: DeviceReportsAsked): Door =>
  createDoor({ hashId: noId, trustReceivedAt: false, deviceReports });

/** What of a call the door would not take, by the decoder and the door that will land it. */
export function recordsRefused(
  route: ApiRoute,
  records: readonly Buffer[],
  now: number,
  door: Door = askingDoor(),
): readonly RefusedRecord[] {
  const refused: RefusedRecord[] = [];
  for (const [index, record] of records.entries()) {
    const said = consentStatements(decodeApiRecord(record, apiTables[route], "api"));
    const admitted = said.map((item) => door(item, now * 1000)).find(({ kind }) => kind === "dead-letter");
    if (admitted?.kind === "dead-letter") refused.push({ index, reason: admitted.reason, detail: admitted.detail });
  }
  return refused;
}

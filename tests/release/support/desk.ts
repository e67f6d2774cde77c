import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { releaseLogFile } from "../../../cli/release-log.ts";
import { type CanaryPolicy, defaultCanaryPolicy } from "../../../release/canary/canary-policy.ts";
import type { CanaryEvidence, CohortArm } from "../../../release/canary/evidence.ts";
import { parseAllowedSigners } from "../../../release/control/allowed-signers.ts";
import type { People } from "../../../release/control/people.ts";
import { personWith } from "../../../release/control/people.ts";
import { newPersonKey, publicLine } from "../../../release/control/person-key.ts";
import { firstRights, type Rights } from "../../../release/control/rights.ts";
import type { ReleaseEnv } from "../../../release/decide.ts";
import { approve, canary, promote, shadow, submit } from "../../../release/release.ts";

export const noon = new Date("2026-03-01T12:00:00Z");

const roles = {
  ada: ["modeller", "privacy"],
  ben: ["approver", "on-call"],
  cy: ["approver", "modeller"],
  dot: ["marketing"],
} as const;
export type Name = keyof typeof roles;

/** People with keys, a log in a folder, and a clock that the test moves. */
export function openDesk(folder: string, rights: Partial<Rights> = {}) {
  const keys = Object.fromEntries(Object.keys(roles).map((name) => [name, newPersonKey(name)]));
  const signers = Object.entries(keys)
    .map(([name, key]) => `${name} ${publicLine(key.publicKey, name)}\n`)
    .join("");
  const people: People = {
    rights: { ...firstRights(roles), ...rights },
    signers: parseAllowedSigners(signers, "allowed_signers"),
    folder,
  };
  const desk = {
    people,
    keys,
    log: releaseLogFile(join(folder, "release_log.ndjson")),
    at: noon,
    as(name: Name | null, more: Partial<ReleaseEnv> = {}): ReleaseEnv {
      const key = name === null ? undefined : keys[name];
      const person = key ? personWith(people, key, desk.at) : null;
      return { log: desk.log, now: () => desk.at, person, people, alerts: [], ...more };
    },
    /** What `readPeople` reads, and the keys, for the command line. */
    write(governance: string): (name: Name) => string {
      mkdirSync(governance, { recursive: true });
      writeFileSync(join(governance, "rights.yaml"), stringify(people.rights));
      writeFileSync(join(governance, "allowed_signers"), signers);
      for (const [name, key] of Object.entries(keys)) writeFileSync(join(folder, `${name}.key`), key.privateText);
      return (name) => join(folder, `${name}.key`);
    },
  };
  return desk;
}
export type Desk = ReturnType<typeof openDesk>;

export const submission = (version: string, verdict: "pass" | "fail" = "pass") => ({
  version,
  model: `model of ${version}`,
  artefact: `artefact of ${version}`,
  snapshot: "0123456789abcdef",
  evaluation: { verdict, champion: null, failed: [], source: { kind: "computed" as const } },
});

export const artefactOf = (version: string) => ({ artefact: submission(version).artefact });

export const policy: CanaryPolicy = { ...defaultCanaryPolicy, ramp: [{ share: 0.5, hours: 24 }] };

/** A canary whose shadow nobody looked at, as most tests want it. */
export const unshadowed = { shadow: null, withoutShadow: "a test" } as const;

/** v1 is champion; v2 is a canary. */
export async function withCanary(desk: Desk, of: CanaryPolicy = policy): Promise<void> {
  for (const version of ["v1", "v2"]) {
    await submit(desk.as("ada"), submission(version));
    await approve(desk.as("ben"), version, artefactOf(version));
    if (version === "v1") await promote(desk.as("ben"), version, { ...artefactOf(version), evidence: null });
  }
  await shadow(desk.as("ada"), "v2");
  await canary(desk.as("ada"), "v2", {
    ...artefactOf("v2"),
    policy: of,
    plan: null,
    acceptBlind: "a test",
    ...unshadowed,
  });
}

const arm = (sends: number, complaints: number): CohortArm => ({
  people_new: sends,
  sends,
  delivered: sends,
  opens: Math.round(sends * 0.2),
  clicks: Math.round(sends * 0.03),
  conversions: Math.round(sends * 0.005),
  complaints,
  unsubscribes: Math.round(sends * 0.003),
  deferrals: 0,
  negatives: 0,
});

/** One cohort of so many sends an arm. */
export const evidence = (sends: number, candidate: number, champion: number, isMature = true): CanaryEvidence => ({
  cohorts: [
    {
      at: "2026-03-01T08:00:00.000Z",
      share: 0.5,
      is_mature: isMature,
      candidate: arm(sends, candidate),
      champion: arm(sends, champion),
    },
  ],
  people: null,
  first_hours: null,
});

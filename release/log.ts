import { z } from "zod";
import { UserError } from "../errors/user-error.ts";
import { type Anchor, anchorOf, brokenAnchor } from "../platform/journal/anchor.ts";
import { canonicalJson } from "../platform/journal/canonical-json.ts";
import { firstHash, type Sealed } from "../platform/journal/chain.ts";
import type { Journal, JournalKind } from "../platform/journal/journal.ts";
import { type ReleaseEvent, releaseEvent } from "./events.ts";

/** What an empty log's head is. */
export const genesis = firstHash;

/** The log's name, in messages and anchors. */
export const logName = "the release log";

const body = z.strictObject({
  at: z.iso.datetime(),
  by: z.string().min(1),
  event: releaseEvent,
  /** The person's signature over the entry's statement, in OpenSSH's form; null where the machinery wrote. */
  signature: z.string().nullable(),
});
export type Decided = z.infer<typeof body>;
export type Entry = Sealed<Decided>;

export interface Log {
  readonly entries: readonly Entry[];
  /** Hash of the last entry. */
  readonly head: string;
}

/** The release log, wherever the target keeps it. */
export type ReleaseLog = Journal<Decided>;

/** The log's name where the target keeps its journals. */
export const releaseLogId = "release_log";

export const releaseLogKind: JournalKind<Decided> = {
  name: logName,
  parse: (value) => {
    const parsed = body.safeParse(value);
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    throw new Error(`${issue?.path.join(".")}: ${issue?.message}`);
  },
  damaged: (where, what) =>
    new UserError(`the release log is not whole: ${what}`, {
      code: "release.log-broken",
      exit: "check",
      where,
      next: "restore it from a backup; until then nothing can be released",
    }),
};

/** What a person signs: what they decide, when, and the head of the log that they saw. */
export const statementOf = (entry: Pick<Decided, "at" | "by" | "event">, seen: string): string =>
  canonicalJson({ at: entry.at, by: entry.by, event: entry.event, seen });

/** Reads and checks the whole log: every hash, every link, that time never goes back. */
export async function readLog(journal: ReleaseLog): Promise<Log> {
  const log = await journal.read();
  for (const [i, entry] of log.entries.entries()) {
    const before = log.entries[i - 1];
    if (before && entry.at < before.at)
      throw releaseLogKind.damaged(entryPlace(journal, i), `time goes back to ${entry.at}`);
  }
  return log;
}

/** Where an entry is, for people: a file's line, or a table's row. */
export const entryPlace = ({ where }: ReleaseLog, sequence: number): string => `${where}:${sequence + 1}`;

export interface AppendRequest {
  readonly by: string;
  readonly at: Date;
  /** Signs a statement; null for the machinery. */
  readonly sign: ((statement: string) => string) | null;
  /** Written together or not at all, in this order. A person signs one at a time. */
  readonly events: readonly ReleaseEvent[];
  /** The head that the decision was made on. */
  readonly seen: string;
}

/**
 * Appends entries, durable before it returns. Refused when the log has moved on since `seen` (`release.stale`, exit 4), so of two people who decide
 * at once one has to look again, and when the clock is behind the last entry (`release.clock`).
 */
export async function appendEntries(journal: ReleaseLog, request: AppendRequest): Promise<readonly Entry[]> {
  const at = request.at.toISOString();
  if (request.sign && request.events.length > 1) throw new Error("a person signs one decision at a time");
  const last = (await readLog(journal)).entries.at(-1);
  if (last && at < last.at) {
    throw new UserError(`it is ${at} here, and the last decision is of ${last.at}`, {
      code: "release.clock",
      exit: "check",
      where: journal.where,
      next: "set this machine's clock right",
    });
  }
  const bodies = request.events.map((event) => {
    const said = { at, by: request.by, event: releaseEvent.parse(event) };
    return { ...said, signature: request.sign ? request.sign(statementOf(said, request.seen)) : null };
  });
  return await append(journal, bodies, request.seen);
}

/**
 * Takes a whole log over into an empty one: what is hashed and signed stays as it was, so heads, anchors and signatures hold. Refused
 * (`release.stale`) where something was released there already.
 */
export const adoptLog = async (into: ReleaseLog, { entries }: Log): Promise<readonly Entry[]> =>
  await append(
    into,
    entries.map(({ sequence, previous_hash, entry_hash, ...said }) => said),
    genesis,
  );

async function append(journal: ReleaseLog, bodies: readonly Decided[], seen: string): Promise<readonly Entry[]> {
  const outcome = await journal.append(bodies, seen);
  if (outcome.kind === "appended") return outcome.entries;
  throw new UserError(
    `the release log moved on: ${outcome.last?.by} wrote "${outcome.last?.event.kind}" at ${outcome.last?.at}`,
    {
      code: "release.stale",
      exit: "check",
      where: `${journal.where}: head ${outcome.head.slice(0, 12)}, seen ${seen.slice(0, 12)}`,
      next: "inboxloop release status",
    },
  );
}

/** What to keep of the log elsewhere, so that a cut or rewritten one is noticed. */
export const anchorLog = (log: Log, at: Date): Anchor => anchorOf(logName, log, at);

/** Throws when the log is not the one that an anchor remembers, grown or not. */
export function verifyAnchors(log: Log, anchors: readonly Anchor[], journal: ReleaseLog): void {
  for (const anchor of anchors) {
    const broken = brokenAnchor(anchor, log);
    if (broken !== undefined) throw releaseLogKind.damaged(journal.where, broken);
  }
}

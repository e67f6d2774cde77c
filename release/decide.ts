import { UserError } from "../errors/user-error.ts";
import type { AlertSink } from "./alert-sinks.ts";
import { sameName } from "./control/allowed-signers.ts";
import { isSignedBy, type People, type Person } from "./control/people.ts";
import { type ReleaseEvent, takesAPerson } from "./events.ts";
import { appendEntries, type Entry, entryPlace, type Log, type ReleaseLog, readLog, statementOf } from "./log.ts";
import { type ReleaseState, stateOf } from "./state.ts";

export interface ReleaseEnv {
  readonly log: ReleaseLog;
  readonly now: () => Date;
  /** Who decides, with the key in hand; null: the machinery, which may only check, ramp and roll back. */
  readonly person: Person | null;
  /** Whose keys are whose, and who may do what. */
  readonly people: People | null;
  readonly alerts: readonly AlertSink[];
  /** Show what would be written, and write nothing. */
  readonly dryRun?: boolean | undefined;
  /** The head that the decision was made on; the log as it is now when not given. */
  readonly seen?: string | undefined;
}

export interface Decision {
  readonly dryRun: boolean;
  /** What was (or would be) written. */
  readonly events: readonly ReleaseEvent[];
  readonly head: string;
  readonly state: ReleaseState;
}

/** The machinery's name in the log. */
export const machine = "inboxloop";

export const refusal = (message: string, code: string, options: { readonly next: string }): UserError =>
  new UserError(message, { code, exit: "check", next: options.next });

/** Who decides; a UserError where nobody's key is in hand. */
export function deciderOf(env: ReleaseEnv): { readonly person: Person; readonly people: People } {
  if (env.person && env.people) return { person: env.person, people: env.people };
  throw new UserError("this is a person's decision, and no person's key is in hand", {
    code: "people.none",
    exit: "config",
    next: env.people ? "give --key <file>, or set INBOXLOOP_KEY" : "inboxloop keys person <name> --role modeller",
  });
}

/** Two names of one person, or of one key. */
export const isSamePerson = (a: string, b: string): boolean => sameName(a) === sameName(b);

/**
 * Every decision of a person in the log must be signed by a key that was theirs then. Throws with the first that is not: a line that
 * somebody wrote into the file decides nothing.
 */
export function verifySignatures(log: Log, people: People | null, journal: ReleaseLog): void {
  for (const entry of log.entries) {
    if (!takesAPerson(entry.event.kind) && entry.signature === null) continue;
    const isSigned =
      people !== null &&
      entry.signature !== null &&
      isSignedBy(people, entry.by, statementOf(entry, entry.previous_hash), entry.signature, new Date(entry.at));
    if (isSigned) continue;
    throw new UserError(`"${entry.event.kind}" by ${entry.by} is not signed by ${entry.by}'s key`, {
      code: "release.unsigned",
      exit: "check",
      where: entryPlace(journal, entry.sequence),
      next: "restore the log and governance/allowed_signers from a backup",
    });
  }
}

/** Reads the log, checks who decided, decides, and writes. Alerts of a rollback are sent after it stands. */
export async function decide(
  env: ReleaseEnv,
  make: (state: ReleaseState) => readonly ReleaseEvent[] | Promise<readonly ReleaseEvent[]>,
): Promise<Decision> {
  const log = await readLog(env.log);
  verifySignatures(log, env.people, env.log);
  const events = await make(stateOf(log.entries));
  const isPersons = events.some(({ kind }) => takesAPerson(kind));
  const person = isPersons ? deciderOf(env).person : env.person;
  const sign = person && events.length === 1 ? (text: string) => person.sign(text) : null;
  const by = person && sign ? person.name : machine;
  if (env.dryRun === true) {
    const at = env.now().toISOString();
    const would = events.map((event) => ({ at, by, event }));
    return { dryRun: true, events, head: log.head, state: stateOf([...log.entries, ...would]) };
  }
  await appendEntries(env.log, { by, at: env.now(), sign, events, seen: env.seen ?? log.head });
  const told = events.some(({ kind }) => kind === "rolled_back") ? await sendAlerts(env) : [];
  const { state, head } = await releaseStatus(env.log);
  return { dryRun: false, events: [...events, ...told], head, state };
}

export interface ReleaseStatus {
  readonly head: string;
  readonly entries: readonly Entry[];
  readonly state: ReleaseState;
}

/** Reads and checks the log. */
export async function releaseStatus(log: ReleaseLog): Promise<ReleaseStatus> {
  const { entries, head } = await readLog(log);
  return { head, entries, state: stateOf(entries) };
}

/**
 * Tells every sink of the rollbacks that it was not told of yet. The log is the outbox: a rollback is in it before anybody is told, and who was told is
 * written after, so a crash between the two, or a sink that was down, leaves the alert due, and whoever looks next sends it. A sink may
 * hear twice, never not at all.
 */
export async function sendAlerts(env: ReleaseEnv): Promise<readonly ReleaseEvent[]> {
  const { entries } = await readLog(env.log);
  const told: ReleaseEvent[] = [];
  for (const { event, at } of entries) {
    if (event.kind !== "rolled_back") continue;
    const who = event.active === null ? "the rules decide" : `${event.active} decides`;
    const message = `model ${event.version} was rolled back (${event.reason}); ${who} now`;
    for (const sink of env.alerts) {
      const isTold = entries.some(
        ({ event: e }) => e.kind === "alerted" && e.version === event.version && e.sink === sink.name && e.delivered,
      );
      if (isTold) continue;
      const alert = { at, version: event.version, severity: "error", team: "deliverability", message } as const;
      const delivered = await sink.send(alert).then(
        () => true,
        () => false,
      );
      told.push({ kind: "alerted", version: event.version, sink: sink.name, delivered, message });
    }
  }
  // What was decided stands, whoever wrote since: this goes after whatever is last.
  for (let attempt = 0; told.length > 0; attempt++) {
    const { head } = await readLog(env.log);
    try {
      await appendEntries(env.log, { by: machine, at: env.now(), sign: null, events: told, seen: head });
      break;
    } catch (error) {
      if (attempt >= 5 || !(error instanceof UserError) || error.code !== "release.stale") throw error;
    }
  }
  return told;
}

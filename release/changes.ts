import {
  mayApprove,
  mayChange,
  mayPause,
  type Rights,
  type RiskClass,
  riskOf,
  type ThingKind,
} from "./control/rights.ts";
import { type Decision, decide, deciderOf, isSamePerson, type ReleaseEnv, refusal } from "./decide.ts";
import { type ChangeState, changeKey, type ReleaseState } from "./state.ts";

/** Something that runs and is somebody's to change: its kind, name, and the digest of what runs. */
export interface Thing {
  readonly thing: ThingKind;
  readonly name: string;
  readonly digest: string;
}

/** Offers a change of something that is no model. */
export const propose = (env: ReleaseEnv, change: Thing, note?: string): Promise<Decision> =>
  decide(env, (state) => {
    const { person, people } = deciderOf(env);
    mayChange(people.rights, person.name, change.thing);
    const known = state.changes.get(changeKey(change));
    if (known && known.status !== "rejected") {
      throw refusal(`this change of ${change.name} is ${known.status} already`, "change.exists", {
        next: "inboxloop change log",
      });
    }
    return [{ kind: "change_proposed", ...change, risk: riskOf(people.rights, change.thing), note: note ?? null }];
  });

/** Somebody else lets it run. `change.digest` is what runs, read now: a digest that nobody proposed is refused. */
export const approveChange = (env: ReleaseEnv, change: Thing, note?: string): Promise<Decision> =>
  decide(env, (state) => {
    const { person, people } = deciderOf(env);
    mayApprove(people.rights, person.name, change.thing);
    const known = proposed(state, change);
    if (isSamePerson(known.proposedBy, person.name) || known.approvedBy.some((by) => isSamePerson(by, person.name))) {
      throw refusal(`${person.name} has spoken for this change of ${change.name} already`, "change.same-person", {
        next: "somebody else: inboxloop change approve",
      });
    }
    return [{ kind: "change_approved", ...change, note: note ?? null }];
  });

export const rejectChange = (env: ReleaseEnv, change: Thing, reason: string): Promise<Decision> =>
  decide(env, (state) => {
    const { person, people } = deciderOf(env);
    mayApprove(people.rights, person.name, change.thing);
    proposed(state, change);
    return [{ kind: "change_rejected", ...change, reason }];
  });

/** Stops a campaign, the model, or everything, until it is resumed. */
export const pause = (env: ReleaseEnv, what: string, reason: string): Promise<Decision> =>
  decide(env, (state) => {
    const { person, people } = deciderOf(env);
    mayPause(people.rights, person.name);
    if (state.paused.has(what)) {
      throw refusal(`${what} is paused already: ${state.paused.get(what)}`, "change.paused", {
        next: `inboxloop pause ${what} --resume --reason "<why>"`,
      });
    }
    return [{ kind: "paused", what, reason }];
  });

export const resume = (env: ReleaseEnv, what: string, reason: string): Promise<Decision> =>
  decide(env, (state) => {
    const { person, people } = deciderOf(env);
    mayPause(people.rights, person.name);
    if (!state.paused.has(what)) {
      throw refusal(`${what} is not paused`, "change.not-paused", { next: "inboxloop change log" });
    }
    return [{ kind: "resumed", what, reason }];
  });

/** What is paused, in the scopes that decisions know: `all`, `campaign:<name>`, or a scope as it was written. The model is not one: without it the ladder decides. */
export const pausesOf = (
  state: Pick<ReleaseState, "paused">,
): readonly { readonly scope: string; readonly reason: string }[] =>
  [...state.paused].flatMap(([what, reason]) =>
    what === "model" ? [] : [{ scope: what === "all" || what.includes(":") ? what : `campaign:${what}`, reason }],
  );

function proposed(state: ReleaseState, change: Thing): ChangeState {
  const known = state.changes.get(changeKey(change));
  if (known && known.status !== "rejected") return known;
  throw refusal(`nobody proposed this change of ${change.name} (${change.digest.slice(0, 12)})`, "change.unknown", {
    next: `inboxloop change propose ${change.thing} ${change.name}`,
  });
}

export interface Unapproved extends Thing {
  readonly risk: RiskClass;
  readonly approvals: number;
  readonly needed: number;
}

/** Of what runs, everything of an enforced risk class whose digest has not its approvals. */
export function unapproved(
  rights: Rights,
  state: Pick<ReleaseState, "changes">,
  running: readonly Thing[],
): readonly Unapproved[] {
  return running.flatMap((thing) => {
    const risk = riskOf(rights, thing.thing);
    if (!rights.enforce.includes(risk)) return [];
    const known = state.changes.get(changeKey(thing));
    const approvals = known && known.status === "approved" ? known.approvedBy.length : 0;
    const needed = rights.approve[risk].people;
    return approvals >= needed ? [] : [{ ...thing, risk, approvals, needed }];
  });
}

/** Throws with the names of everything that runs unapproved. */
export function refuseUnapproved(
  rights: Rights,
  state: Pick<ReleaseState, "changes">,
  running: readonly Thing[],
  act: string,
): void {
  const found = unapproved(rights, state, running);
  if (found.length === 0) return;
  const named = found.map(({ thing, name, digest, risk }) => `${thing} ${name} ${digest.slice(0, 12)} (${risk} risk)`);
  throw refusal(
    `${act} is refused: not approved ${named.length === 1 ? "is" : "are"} ${named.join(", ")}`,
    "change.unapproved",
    {
      next: `inboxloop change propose ${found[0]?.thing} ${found[0]?.name}`,
    },
  );
}

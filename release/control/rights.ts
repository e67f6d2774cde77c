import { parse } from "yaml";
import { z } from "zod";
import { UserError } from "../../errors/user-error.ts";
import { sameName } from "./allowed-signers.ts";

/** Everything that is somebody's to change. */
export const thingKinds = [
  "model",
  "event-schema",
  "consent-rules",
  "features",
  "guardrails",
  "segments",
  "templates",
  "fallback-rules",
  "generated-offers",
  "sources",
  "policies",
  "data-policies",
] as const;
export type ThingKind = (typeof thingKinds)[number];

export const riskClass = z.enum(["low", "medium", "high"]);
export type RiskClass = z.infer<typeof riskClass>;

const role = z.string().regex(/^[a-z][a-z0-9-]*$/, "a role is lower-case letters, digits and dashes");

const rightsShape = z
  .strictObject({
    version: z.literal(1),
    /** Who has which roles, by the names of allowed_signers. */
    people: z.record(z.string().min(1), z.array(role).min(1)),
    things: z.partialRecord(
      z.enum(thingKinds),
      z.strictObject({ risk: riskClass, change: z.array(role).min(1), owner: role }),
    ),
    /** Which roles approve a change of a risk class, and how many people it takes besides the one who proposed it. */
    approve: z.record(riskClass, z.strictObject({ roles: z.array(role).min(1), people: z.int().min(1).max(5) })),
    pause: z.array(role).min(1),
    approvals_expire_after_days: z.int().positive(),
    /** Unapproved digests of these classes are refused by build, train and release. */
    enforce: z.array(riskClass),
  })
  .superRefine((rights, context) => {
    const names = Object.keys(rights.people).map(sameName);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) context.addIssue({ code: "custom", path: ["people"], message: `${twice} is there twice` });
  });
export type Rights = z.infer<typeof rightsShape>;

/** Reads `rights.yaml`. */
export function parseRights(text: string, where: string): Rights {
  let data: unknown;
  try {
    data = parse(text);
  } catch (error) {
    throw new UserError(`not YAML: ${(error as Error).message.split("\n")[0]}`, {
      code: "rights.yaml",
      exit: "config",
      where,
    });
  }
  const parsed = rightsShape.safeParse(data);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new UserError(`these are no rights: ${issue?.message}`, {
    code: "rights.shape",
    exit: "config",
    where: `${where} ${issue?.path.join(".")}`,
  });
}

/** The roles of a person; none for who is not there. */
export function rolesOf(rights: Rights, person: string): readonly string[] {
  const name = sameName(person);
  return Object.entries(rights.people).find(([listed]) => sameName(listed) === name)?.[1] ?? [];
}

const hasAny = (rights: Rights, person: string, roles: readonly string[]): boolean =>
  rolesOf(rights, person).some((r) => roles.includes(r));

export const riskOf = (rights: Rights, kind: ThingKind): RiskClass => rights.things[kind]?.risk ?? "high";

/** Throws a UserError that names who may, when the person may not propose changes of such a thing. */
export function mayChange(rights: Rights, person: string, kind: ThingKind): void {
  refuseUnless(rights, person, rights.things[kind]?.change ?? [], `change ${kind}`);
}

export function mayApprove(rights: Rights, person: string, kind: ThingKind): void {
  const risk = riskOf(rights, kind);
  refuseUnless(rights, person, rights.approve[risk].roles, `approve ${kind} (${risk} risk)`);
}

export function mayPause(rights: Rights, person: string): void {
  refuseUnless(rights, person, rights.pause, "pause");
}

function refuseUnless(rights: Rights, person: string, roles: readonly string[], act: string): void {
  if (hasAny(rights, person, roles)) return;
  const who = Object.keys(rights.people).filter((name) => hasAny(rights, name, roles));
  throw new UserError(`${person} may not ${act}: that takes ${roles.join(" or ") || "a role that nobody has"}`, {
    code: "rights.refused",
    exit: "check",
    next: who.length > 0 ? `ask ${who.join(" or ")}` : "give somebody the role in governance/rights.yaml",
  });
}

/** Rights to begin with: who proposes does not approve, high risk takes an approver, on-call may pause. */
export const firstRights = (people: Readonly<Record<string, readonly string[]>>): Rights => {
  const thing = (risk: RiskClass, change: readonly string[], owner: string) => ({ risk, change: [...change], owner });
  return {
    version: 1,
    people: Object.fromEntries(Object.entries(people).map(([name, roles]) => [name, [...roles]])),
    things: {
      model: thing("high", ["modeller"], "modeller"),
      "event-schema": thing("medium", ["engineer"], "engineer"),
      "consent-rules": thing("high", ["privacy"], "privacy"),
      features: thing("medium", ["modeller", "engineer"], "modeller"),
      guardrails: thing("high", ["deliverability"], "deliverability"),
      segments: thing("medium", ["marketing"], "marketing"),
      templates: thing("low", ["marketing"], "marketing"),
      "fallback-rules": thing("high", ["deliverability"], "deliverability"),
      "generated-offers": thing("high", ["marketing"], "marketing"),
      sources: thing("high", ["engineer"], "engineer"),
      policies: thing("high", ["marketing", "deliverability"], "marketing"),
      "data-policies": thing("high", ["privacy"], "privacy"),
    },
    approve: {
      low: { roles: ["approver", "marketing"], people: 1 },
      medium: { roles: ["approver"], people: 1 },
      high: { roles: ["approver"], people: 1 },
    },
    pause: ["on-call", "approver"],
    approvals_expire_after_days: 14,
    enforce: [],
  };
};

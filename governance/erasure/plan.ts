import type { Findings, Holding, Subject } from "./holding.ts";
import { type LinkRow, linkedIds } from "./linked-ids.ts";

/** A request to be forgotten, as it came. */
export interface ErasureRequest {
  /** The ids that the request names, pseudonymous: one person's, under every key of the home. */
  readonly ids: readonly string[];
  readonly requested_at: string;
}

/** What an erasure would do; printed by `--dry-run` and carried out otherwise. */
export interface ErasurePlan {
  readonly subject: Subject;
  readonly people: number;
  readonly requests: readonly { readonly requested_at: string; readonly due_at: string }[];
  /** Ids that were not named and are the same people. */
  readonly linked: number;
  /** Ids next to them that were not followed, by reason. */
  readonly held: Readonly<Record<string, number>>;
  /** Every one of the ids has been erased before. */
  readonly isErasedAlready: boolean;
  readonly found: readonly { readonly holding: string; readonly findings: Findings }[];
}

/** Rows of the plan, all together. */
export const rowsOf = (plan: Pick<ErasurePlan, "found">): number =>
  plan.found.reduce((sum, { findings }) => sum + findings.places.reduce((rows, place) => rows + place.rows, 0), 0);

export interface PlanEnv {
  readonly holdings: readonly Holding[];
  readonly links: readonly LinkRow[];
  /** Ids that have a profile. */
  readonly accounts: ReadonlySet<string>;
  /** Messages that were sent to these ids alone. */
  readonly messagesOf: (ids: readonly string[]) => Promise<readonly string[]>;
  readonly isErased: (id: string) => boolean;
  readonly dueDays: number;
  readonly onStep?: ((holding: string, done: number, total: number) => void) | undefined;
}

/** Works out who the requests are about and where these people are: every holding is looked through once, for all of them. */
export async function planErasure(requests: readonly ErasureRequest[], env: PlanEnv): Promise<ErasurePlan> {
  const asked = new Set(requests.flatMap(({ ids }) => ids));
  const ids = new Set<string>();
  const held: Record<string, number> = {};
  let people = 0;
  for (const request of requests) {
    if (request.ids.some((id) => ids.has(id))) continue;
    const person = linkedIds(request.ids, env.links, env.accounts);
    people += 1;
    for (const id of person.ids) ids.add(id);
    for (const [why, count] of Object.entries(person.held)) held[why] = (held[why] ?? 0) + count;
  }
  const all = [...ids].sort();
  const subject = { ids: all, messages: await env.messagesOf(all) };
  const found: { holding: string; findings: Findings }[] = [];
  for (const [index, holding] of env.holdings.entries()) {
    env.onStep?.(holding.name, index, env.holdings.length);
    found.push({ holding: holding.name, findings: await holding.find(subject) });
  }
  return {
    subject,
    people,
    requests: requests.map(({ requested_at }) => ({
      requested_at,
      due_at: new Date(Date.parse(requested_at) + env.dueDays * 86_400_000).toISOString(),
    })),
    linked: all.filter((id) => !asked.has(id)).length,
    held,
    isErasedAlready: all.every(env.isErased),
    found,
  };
}

import identity from "../../includes/identity.js";

/** A statement of raw.identity_links; times in microseconds since the epoch. */
export type LinkRow = Readonly<Record<string, unknown>>;

export interface LinkedIds {
  /** The ids asked for and every id that is the same person. */
  readonly ids: readonly string[];
  /** Ids next to them that were not followed, by reason: they are, or may be, other people's too. */
  readonly held: Readonly<Record<string, number>>;
}

interface Statements {
  linked: number;
  unlinked: number;
}

/**
 * Every id of the people that some ids belong to, by the rules of identity.persons, over the links as they landed. That table itself leaves out who asks
 * to be forgotten, so it cannot be asked. Links of role addresses and of shared devices are not followed, and what would become more than
 * `maxIdsPerPerson` ids is nobody: there the ids asked for are all.
 */
export function linkedIds(
  asked: readonly string[],
  links: readonly LinkRow[],
  accounts: ReadonlySet<string>,
): LinkedIds {
  const { neighbours, roles } = linksInForce(links);
  const heldFor = (id: string): string | undefined => {
    if (roles.has(id)) return "role_address";
    const others = neighbours.get(id) ?? new Set();
    if (others.size <= identity.maxAccountsPerDevice || accounts.has(id)) return undefined;
    const known = [...others].filter((other) => accounts.has(other)).length;
    return known > identity.maxAccountsPerDevice || others.size > identity.maxLinksPerDevice
      ? "shared_device"
      : undefined;
  };
  const ids = new Set(asked);
  const held = new Map<string, string>();
  for (const id of asked) {
    const person = new Set([id]);
    if (heldFor(id) !== undefined) continue;
    for (const at of person) {
      for (const other of neighbours.get(at) ?? []) {
        const why = heldFor(other);
        if (why === undefined) person.add(other);
        else held.set(other, why);
      }
      if (person.size > identity.maxIdsPerPerson) break;
    }
    if (person.size <= identity.maxIdsPerPerson) for (const one of person) ids.add(one);
    else for (const one of person) if (!ids.has(one)) held.set(one, "too_many_ids");
  }
  const counts: Record<string, number> = {};
  for (const [id, why] of held) if (!ids.has(id)) counts[why] = (counts[why] ?? 0) + 1;
  return { ids: [...ids].sort(), held: counts };
}

/** Who is linked to whom: a link of any kind that is younger than the last time that it was taken back. */
function linksInForce(links: readonly LinkRow[]): {
  readonly neighbours: ReadonlyMap<string, ReadonlySet<string>>;
  readonly roles: ReadonlySet<string>;
} {
  const pairs = new Map<string, { ends: readonly [string, string]; kinds: Map<string | null, Statements> }>();
  const roles = new Set<string>();
  for (const row of links) {
    const ends = [String(row["left_id"]), String(row["right_id"])] as const;
    const kind = typeof row["link_kind"] === "string" ? row["link_kind"] : null;
    const isLinked = row["is_linked"] !== false;
    if (row["left_is_role"] === true) roles.add(ends[0]);
    if (row["right_is_role"] === true) roles.add(ends[1]);
    if (ends[0] === ends[1] || (kind === null && isLinked)) continue;
    const sorted = [...ends].sort() as [string, string];
    const key = sorted.join(" ");
    const pair = pairs.get(key) ?? { ends: sorted, kinds: new Map<string | null, Statements>() };
    pairs.set(key, pair);
    const said = pair.kinds.get(kind) ?? { linked: Number.NEGATIVE_INFINITY, unlinked: Number.NEGATIVE_INFINITY };
    const at = Number(row["linked_at"] ?? row["received_at"]);
    if (isLinked) said.linked = Math.max(said.linked, at);
    else said.unlinked = Math.max(said.unlinked, at);
    pair.kinds.set(kind, said);
  }
  const neighbours = new Map<string, Set<string>>();
  const link = (from: string, to: string) => {
    const known = neighbours.get(from);
    if (known) known.add(to);
    else neighbours.set(from, new Set([to]));
  };
  for (const { ends, kinds } of pairs.values()) {
    const allTakenBack = kinds.get(null)?.unlinked ?? Number.NEGATIVE_INFINITY;
    const holds = [...kinds].some(
      ([kind, { linked, unlinked }]) => kind !== null && linked > unlinked && linked > allTakenBack,
    );
    if (!holds) continue;
    link(ends[0], ends[1]);
    link(ends[1], ends[0]);
  }
  return { neighbours, roles };
}

import erasures from "../../includes/erasures.js";
import type { Tombstones } from "../../platform/tombstones.ts";
import type { Door } from "./door.ts";
import type { IdHasher } from "./id-hasher.ts";
import { createIdHasher } from "./id-hasher.ts";
import type { KeyRing } from "./keys.ts";
import { namesSomebody } from "./names-somebody.ts";
import type { RawRow } from "./raw-row.ts";

const personColumns = erasures.personColumns as readonly string[];

/** What the door asks of those who were erased. */
export interface ErasedPeople {
  /** Before each block: who was erased since counts from there on. */
  refresh(): Promise<void>;
  /** A door that takes nothing in about them: such a row is refused as `erased`, and nothing of it is kept. */
  guard(door: Door): Door;
  /** Whether a payload names one of them: then a dead letter does not keep it. */
  isNamedIn(payload: Uint8Array): boolean;
  /** Whether a pseudonymous id, of a person or of a message to one, was erased. */
  readonly isErased: (id: string) => boolean;
  readonly hashId: IdHasher;
  /** How many tokens keep somebody out. */
  readonly size: () => number;
}

/**
 * People who were erased, at the door. Ids made under a former key are known as well: an address that comes in anew has another id under the
 * new key, and is looked up under every key of the ring.
 */
export function erasedPeople(tombstones: Tombstones, ids: KeyRing): ErasedPeople {
  const active = createIdHasher(ids.active);
  const former = ids.all.filter((key) => key.version !== ids.active.version).map((key) => createIdHasher(key));
  /** Ids under the active key of addresses whose ids under a former one were erased. */
  const again = new Set<string>();
  const hashId: IdHasher = (recipient) => {
    const id = active(recipient);
    if (!tombstones.isEmpty && former.some((hash) => tombstones.has(hash(recipient)))) again.add(id);
    return id;
  };
  const isErased = (id: string): boolean => again.has(id) || tombstones.has(id);
  const isAbout = (row: RawRow): boolean =>
    personColumns.some((name) => typeof row[name] === "string" && isErased(row[name] as string));
  return {
    hashId: former.length === 0 ? active : hashId,
    isErased,
    size: () => tombstones.size,
    async refresh() {
      const { readmissions } = tombstones;
      await tombstones.refresh();
      if (tombstones.readmissions !== readmissions) again.clear();
    },
    guard: (door) => (item, arrival) => {
      const admitted = door(item, arrival);
      if (tombstones.isEmpty || admitted.kind !== "row" || !isAbout(admitted.row)) return admitted;
      return { kind: "dead-letter", reason: "erased", detail: "its person was erased" };
    },
    isNamedIn: (payload) => !tombstones.isEmpty && namesSomebody(payload, [active, ...former], isErased),
  };
}

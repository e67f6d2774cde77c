import { createHmac } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { z } from "zod";
import { UserError } from "../errors/user-error.ts";
import { type Journal, type JournalKind, noJournal } from "./journal/journal.ts";
import { JournalLines } from "./journal/journal-file.ts";

/** A secret and the name that gives nothing of it away. */
export interface TokenKey {
  readonly name: string;
  readonly secret: Buffer;
}

const token = z.string().regex(/^[0-9a-f]{32}$/);
const instant = z.iso.datetime();

/** An erasure begins: from now on nothing of these people is taken in. It names nobody: tokens are keyed and lead nowhere. */
const begun = z.strictObject({
  kind: z.literal("begun"),
  erasure_id: z.string(),
  at: instant,
  requests: z.array(z.strictObject({ request_id: z.string(), requested_at: instant, due_at: instant })),
  people: z.int(),
  ids: z.int(),
  /** Name of the key under which the tokens are made. */
  key: z.string(),
  tokens: z.array(token),
});

/** An erasure is done: what was taken away, where. */
const done = z.strictObject({
  kind: z.literal("done"),
  erasure_id: z.string(),
  at: instant,
  places: z.array(z.strictObject({ holding: z.string(), where: z.string(), rows: z.int() })),
  rows: z.int(),
  snapshots: z.array(z.strictObject({ parent: z.string(), successor: z.string().nullable(), rows: z.int() })),
  models: z.array(z.strictObject({ name: z.string(), snapshot: z.string(), retrain_by: instant })),
  /** What no key opens and nobody can search. */
  unsearchable: z.int(),
});

/** People who were erased may come in again from now on. */
const readmitted = z.strictObject({
  kind: z.literal("readmitted"),
  at: instant,
  ids: z.int(),
  /** Of each id under every key that the home had. */
  tokens: z.array(token),
  reason: z.string(),
});

const erasureEntry = z.discriminatedUnion("kind", [begun, done, readmitted]);
export type ErasureEntry = z.infer<typeof erasureEntry>;
export type ErasureBegun = z.infer<typeof begun>;
export type ErasureDone = z.infer<typeof done>;
export type ErasureReadmitted = z.infer<typeof readmitted>;

export const erasureJournal: JournalKind<ErasureEntry> = {
  name: "the journal of erasures",
  parse: (body) => {
    const parsed = erasureEntry.safeParse(body);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw new Error(`${issue?.path.join(".")}: ${issue?.message}`);
  },
  damaged: (where, what) =>
    new UserError(`the journal of erasures is not whole: ${what}`, {
      code: "privacy.journal-broken",
      exit: "check",
      where,
      next: "restore the file from a backup: without it those who were erased may come back",
    }),
};

/** The keyed token of an id: the same for the same id and key, and no way back. */
export const tombstoneToken = ({ secret }: TokenKey, id: string): string =>
  createHmac("sha256", secret).update("inboxloop tombstone\0").update(id).digest("hex").slice(0, 32);

const rememberedIds = 100_000;

/** Where tombstones are read from: the entries that were appended since the last call. */
export interface TombstoneSource {
  readonly where: string;
  news(): Promise<readonly ErasureEntry[]>;
}

/** The journal in a file of this machine: looking costs nothing. */
export function tombstonesInFile(path: string): TombstoneSource {
  const lines = new JournalLines(path, erasureJournal);
  let read = 0;
  return {
    where: path,
    async news() {
      const bytes = existsSync(path) ? statSync(path).size : 0;
      if (bytes === read) return [];
      const entries = await lines.refresh({ repair: false });
      read = bytes;
      return entries;
    },
  };
}

/** The journal wherever a target keeps it: in a table each look is a query, so that what another machine appends counts some seconds later. */
export function tombstonesInJournal(journal: Journal<ErasureEntry>, now: () => Date): TombstoneSource {
  let lookedAt = Number.NEGATIVE_INFINITY;
  let stamp = noJournal;
  let read = 0;
  return {
    where: journal.where,
    async news() {
      if (now().getTime() - lookedAt < journal.lookEveryMs) return [];
      lookedAt = now().getTime();
      const found = await journal.stamp();
      if (found === stamp) return [];
      const { entries } = await journal.read();
      const news = entries.slice(read);
      read = entries.length;
      stamp = found;
      return news;
    },
  };
}

/** Who was erased and not let in again since, as far as tokens tell. It follows its journal: what another process appends counts at the next `refresh`. */
export class Tombstones {
  readonly #source: TombstoneSource;
  readonly #keys: readonly TokenKey[];
  /** Tokens by the key that they are made with. */
  readonly #tokens = new Map<TokenKey, Set<string>>();
  #known = new Map<string, boolean>();
  #readmissions = 0;

  constructor(source: TombstoneSource, keys: readonly TokenKey[]) {
    this.#source = source;
    this.#keys = keys;
  }

  /** Whether nobody was erased: then there is nothing to ask. */
  get isEmpty(): boolean {
    return this.#tokens.size === 0;
  }

  /** How many tokens keep somebody out. */
  get size(): number {
    return [...this.#tokens.values()].reduce((sum, tokens) => sum + tokens.size, 0);
  }

  /** How often somebody was let in again: what was concluded of former ids holds while this stays the same. */
  get readmissions(): number {
    return this.#readmissions;
  }

  /** Reads what was appended. Cheap where nothing was. */
  async refresh(): Promise<void> {
    for (const entry of await this.#source.news()) {
      if (entry.kind === "done") continue;
      if (entry.kind === "readmitted") {
        for (const tokens of this.#tokens.values()) for (const one of entry.tokens) tokens.delete(one);
        this.#known = new Map();
        this.#readmissions += 1;
        continue;
      }
      const key = this.#keys.find(({ name }) => name === entry.key);
      if (key === undefined) throw keyMissing(this.#source.where, entry.key);
      const tokens = this.#tokens.get(key) ?? new Set();
      for (const one of entry.tokens) tokens.add(one);
      this.#tokens.set(key, tokens);
      this.#known = new Map();
    }
  }

  /** Whether an id, of a person or of a message to one, was erased. */
  has(id: string): boolean {
    if (this.isEmpty) return false;
    let found = this.#known.get(id);
    if (found === undefined) {
      found = [...this.#tokens].some(([key, tokens]) => tokens.has(tombstoneToken(key, id)));
      if (this.#known.size >= rememberedIds) this.#known = new Map();
      this.#known.set(id, found);
    }
    return found;
  }
}

const keyMissing = (path: string, key: string): UserError =>
  new UserError(`those who were erased are known under the id key ${key}, which is not set`, {
    code: "privacy.key-missing",
    exit: "config",
    where: `INBOXLOOP_ID_KEY (${path})`,
    next: "put the former key behind the new one: INBOXLOOP_ID_KEY=v2:<new>,v1:<former>",
  });

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors/user-error.ts";
import { lineFrom } from "../platform/home-files.ts";
import { sealOf } from "../platform/home-seal.ts";
import type { Sealed } from "../platform/journal/chain.ts";
import type { JournalKind } from "../platform/journal/journal.ts";
import { JournalLines } from "../platform/journal/journal-file.ts";

/** The rows that a batch put into one table. */
export interface LandedTable {
  readonly rows: number;
  /** SHA-256 over the rows' canonical lines, in order. */
  readonly digest: string;
  /** Path below the raw folder, slashes forward. */
  readonly segment: string;
  /** SHA-256 of the segment's bytes; entries of earlier versions have none. */
  readonly sha256?: string | undefined;
  /** In BigQuery, where no row says which batch it came with: when the first and the last of these were received. Entries of earlier versions have neither. */
  readonly received_from?: string | undefined;
  readonly received_to?: string | undefined;
}

export interface BatchCounts {
  readonly received: number;
  readonly landed: number;
  readonly duplicate: number;
  readonly dead_letter: number;
}

/** One batch as the ledger keeps it; `received = landed + duplicate + dead_letter`. */
export interface BatchBody extends BatchCounts {
  readonly kind: "batch";
  readonly batch_id: string;
  /** For people: `ndjson:events.ndjson`. */
  readonly source: string;
  /** For machines: the same for the same content read in the same way. */
  readonly source_id: string;
  /** Records of the source before this batch, and at its end. */
  readonly from: number;
  readonly to: number;
  /** The source ended with this batch. */
  readonly is_end: boolean;
  readonly tables: Readonly<Record<string, LandedTable>>;
  /** Over the tables' names, row counts and digests. */
  readonly content_digest: string;
  /** The name of the key under which ids were made. */
  readonly id_key: string;
  /** Dead letters that this batch settled (replay). */
  readonly replayed?: readonly string[] | undefined;
  /** Rows of which something was left out at the door, by `table.column.key`; absent where nothing was. */
  readonly left_out?: Readonly<Record<string, number>> | undefined;
  readonly received_at: string;
}

/** Several segments became one; the rows did not change. */
export interface CompactionBody {
  readonly kind: "compaction";
  readonly compaction_id: string;
  readonly table: string;
  readonly segment: string;
  /** SHA-256 of its bytes; entries of earlier versions have none. */
  readonly sha256?: string | undefined;
  /** The segments that it stands for, in the order of their rows in it. */
  readonly parts: readonly { readonly segment: string; readonly rows: number }[];
  readonly received_at: string;
}

/** A segment was written again without the rows of people who were erased; the rows that stayed did not change. */
export interface ErasureBody {
  readonly kind: "erasure";
  readonly erasure_id: string;
  /** Names this replacement. */
  readonly step_id: string;
  readonly table: string;
  readonly segment: string;
  /** SHA-256 of its bytes: from here on they, and no digest of rows, prove what it holds. */
  readonly sha256: string;
  /** The one segment that it stands for, with its rows before. */
  readonly parts: readonly { readonly segment: string; readonly rows: number }[];
  /** Of each batch in it, in order: the rows that stayed. */
  readonly kept: readonly number[];
  readonly erased: number;
  readonly received_at: string;
}

export type LedgerBody = BatchBody | CompactionBody | ErasureBody;
export type BatchEntry = Sealed<BatchBody>;
export type CompactionEntry = Sealed<CompactionBody>;
export type ErasureEntry = Sealed<ErasureBody>;
/** What puts one segment in the place of others. */
export type ReplacementEntry = CompactionEntry | ErasureEntry;
export type LedgerEntry = BatchEntry | ReplacementEntry;

/** The name under which what an entry commits is staged: `ready-<id>`. */
export function stagedId(entry: LedgerEntry): string {
  if (entry.kind === "batch") return entry.batch_id;
  return entry.kind === "compaction" ? entry.compaction_id : entry.step_id;
}

/** What an entry keeps of what was left out, by name: nothing where nothing was. */
export function leftOutOf(leftOut: Readonly<Record<string, number>>): Pick<BatchBody, "left_out"> {
  const names = Object.keys(leftOut).sort();
  return names.length > 0 ? { left_out: Object.fromEntries(names.map((name) => [name, leftOut[name]!])) } : {};
}

/** The digest over what a batch put into its tables. */
export function contentDigest(tables: Readonly<Record<string, LandedTable>>): string {
  const hash = createHash("sha256");
  for (const name of Object.keys(tables).sort())
    hash.update(`${name}\0${tables[name]!.rows}\0${tables[name]!.digest}\n`);
  return hash.digest("hex");
}

export const ledgerName = "the ingest ledger";

const ledgerKind: JournalKind<LedgerBody> = {
  name: ledgerName,
  // Whose hash is right was written by us: what an entry means is checked by `ingest verify`.
  parse: (body) => body as LedgerBody,
  damaged: (where, what) =>
    new UserError(`the ingest ledger is damaged: ${what}`, {
      code: "ingest.ledger-damaged",
      exit: "check",
      where,
      next: "inboxloop ingest verify",
    }),
};

/**
 * The ledger's log. Appending an entry is the moment at which a batch counts; everything before can be thrown away,
 * everything after can be repeated.
 */
export type LedgerLog = JournalLines<LedgerBody>;
export const openLedger = (path: string): LedgerLog => new JournalLines(path, ledgerKind);

/** The ledger of what went to BigQuery, in its folder of this machine. */
export const bigQueryLedgerPath = (state: string): string => join(state, "ledger.ndjson");

/** The whole log as lines with their text, for verification; a torn last line is left out. */
export async function readLedgerLines(path: string): Promise<readonly string[]> {
  if (!existsSync(path)) return [];
  const text = await readFile(path, "utf8");
  const seal = sealOf(path);
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => lineFrom(line, seal) ?? line);
}

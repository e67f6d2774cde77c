import * as crypto from "node:crypto";
import { UserError } from "../../errors/user-error.ts";
import type { Column, Row } from "../../warehouse/warehouse.ts";
import { type CellType, cellText, isCellType, sortedColumns } from "./cells.ts";

/** A hash with the name of what made it beside it. */
export interface Hash {
  readonly algorithm: string;
  readonly value: string;
}

/** Content digests carry this name; a change of the encoding changes the name. */
export const contentAlgorithm = "sha256/row-merkle-v1";

export interface ContentDigest {
  readonly rows: number;
  readonly content: Hash;
}

/** Hex characters of a row's hash that name its bucket: 4,096 buckets. */
export const bucketHexLength = 3;
const rememberedTexts = 5_000;

/** One call where Node has it (20.12): half the time for short texts. */
const sha256: (text: string) => string =
  typeof crypto.hash === "function"
    ? (text) => crypto.hash("sha256", text, "hex")
    : (text) => crypto.createHash("sha256").update(text).digest("hex");

/** Refuses columns whose type has no canonical text, with the name of the first. */
export function cellColumns(columns: readonly Column[]): readonly { readonly name: string; readonly type: CellType }[] {
  return sortedColumns(columns).map(({ name, type }) => {
    if (!isCellType(type)) {
      throw new UserError(`column "${name}" is ${type}, which has no canonical text`, {
        code: "digest.column-type",
        exit: "check",
        where: `${name} ${type}`,
        next: "cast the column in the model: BOOL, INT64, FLOAT64, NUMERIC, STRING, BYTES, DATE or TIMESTAMP",
      });
    }
    return { name, type };
  });
}

/** First line of the root: the algorithm and the sorted columns with their types. */
export const digestHeader = (columns: readonly { readonly name: string; readonly type: string }[]): string =>
  `${contentAlgorithm}\n${columns.map((c) => `${JSON.stringify(c.name)} ${c.type}`).join(",")}\n`;

/**
 * Digest of a set of rows, fed one by one in any order. Each row's cells are joined by `;` and hashed; hashes are put in
 * buckets by their first hex digits; a bucket's hash is over its sorted row hashes, the root over header, row count and
 * buckets. So neither order nor files matter, repeated rows count, and two sets can be compared bucket by bucket.
 * `contentDigestSql` is the same in GoogleSQL.
 */
export class ContentHasher {
  readonly #columns: readonly { readonly name: string; readonly type: CellType }[];
  /** Texts of values seen before, per column. (-0 and 0 share one, as they do in the digest.) */
  readonly #known: readonly Map<unknown, string>[];
  readonly #buckets = new Map<string, string[]>();
  #rows = 0;

  constructor(columns: readonly Column[]) {
    this.#columns = cellColumns(columns);
    this.#known = this.#columns.map(() => new Map());
  }

  add(row: Row): void {
    let text = "";
    for (const { name, type } of this.#columns) text += `${text === "" ? "" : ";"}${cellText(type, row[name])}`;
    this.#addText(text);
  }

  /** The same for many rows at once, by column name; values repeat in columns, so their texts are remembered. */
  addColumns(valuesOf: (column: string) => readonly unknown[], rows: number): void {
    const texts = this.#columns.map(({ name, type }, c) => {
      const values = valuesOf(name);
      const known = this.#known[c] as Map<unknown, string>;
      const column = new Array<string>(rows);
      for (let i = 0; i < rows; i++) {
        const value = values[i];
        let text = known.get(value);
        if (text === undefined) {
          text = cellText(type, value);
          if (known.size < rememberedTexts) known.set(value, text);
        }
        column[i] = text;
      }
      return column;
    });
    const row = new Array<string>(texts.length);
    for (let i = 0; i < rows; i++) {
      for (let c = 0; c < texts.length; c++) row[c] = texts[c]![i]!;
      this.#addText(row.join(";"));
    }
  }

  #addText(text: string): void {
    this.addHash(sha256(text));
  }

  /** A row of which only the hash is known. */
  addHash(hash: string): void {
    const prefix = hash.slice(0, bucketHexLength);
    const bucket = this.#buckets.get(prefix);
    if (bucket) bucket.push(hash);
    else this.#buckets.set(prefix, [hash]);
    this.#rows += 1;
  }

  /** The hashes of the rows, sorted. */
  rowHashes(): readonly string[] {
    return [...this.#buckets.values()].flat().sort();
  }

  /** The row hashes of a bucket, sorted. */
  bucket(prefix: string): readonly string[] {
    return [...(this.#buckets.get(prefix) ?? [])].sort();
  }

  /** Every bucket's hash, by its prefix. */
  bucketHashes(): ReadonlyMap<string, string> {
    return new Map([...this.#buckets.keys()].sort().map((prefix) => [prefix, bucketHash(this.bucket(prefix))]));
  }

  digest(): ContentDigest {
    return { rows: this.#rows, content: rootOf(this.#columns, this.#rows, this.bucketHashes()) };
  }
}

/** A row's hash: over its cells' canonical texts, in the order of the sorted columns. */
export const rowHash = (cells: readonly string[]): string => sha256(cells.join(";"));
export const bucketHash = (sortedRowHashes: readonly string[]): string => sha256(sortedRowHashes.join(""));

/** The root over the hashes of all buckets. */
export function rootOf(
  columns: readonly { readonly name: string; readonly type: string }[],
  rows: number,
  buckets: ReadonlyMap<string, string>,
): Hash {
  const text = [...buckets].sort(([a], [b]) => (a < b ? -1 : 1)).map(([prefix, hash]) => `${prefix}${hash}`);
  return { algorithm: contentAlgorithm, value: sha256(`${digestHeader(columns)}${rows}\n${text.join("")}`) };
}

/** Digest of rows that are already at hand. */
export function contentDigest(columns: readonly Column[], rows: Iterable<Row>): ContentDigest {
  const hasher = new ContentHasher(columns);
  for (const row of rows) hasher.add(row);
  return hasher.digest();
}

import { arrivalColumn, type GoogleSqlType, parseType, typeName } from "../../packages/googlesql/index.ts";
import type { Column } from "../warehouse.ts";

/** What is believed of a column's type so far. */
export class Guess {
  private readonly order: readonly string[];
  private at = 0;
  /** Set once the column is read as a record, or as an array. */
  fields: Map<string, { readonly name: string; readonly guess: Guess }> | undefined;
  element: Guess | undefined;

  constructor(readonly name: string) {
    this.order = orderFor(name);
  }

  type(): GoogleSqlType {
    if (this.element) return { kind: "ARRAY", element: this.element.type() };
    if (!this.fields) return parseType(this.order[this.at]!);
    const fields = [...this.fields.values()].map(({ name, guess }) => ({ name, type: guess.type() }));
    return { kind: "STRUCT", fields };
  }

  /** Tries the types that are left until one will do; the first stays where none does. */
  change(isBetter: () => boolean): boolean {
    if (this.fields || this.element) return false;
    const before = this.at;
    for (let i = 0; i < this.order.length; i++) {
      if (i === before) continue;
      this.at = i;
      if (isBetter()) return true;
    }
    this.at = before;
    return false;
  }

  field(name: string): Guess {
    this.fields ??= new Map();
    const key = name.toLowerCase();
    const found = this.fields.get(key) ?? { name, guess: new Guess(name) };
    this.fields.set(key, found);
    return found.guess;
  }

  each(): Guess {
    this.element ??= new Guess(this.name);
    return this.element;
  }
}

/** A source whose columns are found out. */
export class DraftTable {
  private readonly found = new Map<string, Guess>();

  has(name: string): boolean {
    return this.found.has(name.toLowerCase());
  }

  column(name: string): Guess {
    // The day of arrival is that of the time, which a row file gives.
    const read = /^_PARTITION(TIME|DATE)$/i.test(name) ? arrivalColumn : name;
    const key = read.toLowerCase();
    const guess = this.found.get(key) ?? new Guess(read);
    this.found.set(key, guess);
    return guess;
  }

  /** For the analyzer: as long as no column is known, `*` stands for one that nobody names. */
  seen(): readonly { readonly name: string; readonly type: GoogleSqlType }[] {
    return this.found.size > 0 ? this.columns() : [{ name: "_not_read", type: { kind: "STRING" } }];
  }

  private columns(): readonly { readonly name: string; readonly type: GoogleSqlType }[] {
    return [...this.found.values()].map((guess) => ({ name: guess.name, type: guess.type() }));
  }

  asColumns(): readonly Column[] {
    return this.columns().map(({ name, type }) => ({ name, type: typeName(type) }));
  }
}

const all = [
  "STRING",
  "INT64",
  "FLOAT64",
  "NUMERIC",
  "BOOL",
  "TIMESTAMP",
  "DATE",
  "DATETIME",
  "JSON",
  "BYTES",
  "TIME",
  "INTERVAL",
];

/** By what names mean in most schemas; how the column is read decides. */
const hints: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^_PARTITIONTIME$/, ["TIMESTAMP"]],
  [/^(int|integer)_/i, ["INT64"]],
  [/^(float|double)_/i, ["FLOAT64"]],
  [/^(string|text)_/i, ["STRING"]],
  [/(^|_)(is|has|was|can)_/i, ["BOOL"]],
  [/(_at|_ts|_time|timestamp|_on|_datetime)$/i, ["TIMESTAMP", "DATETIME", "DATE"]],
  [/(^|_)(date|day|month|week)$/i, ["DATE", "TIMESTAMP", "DATETIME"]],
  [/(amount|price|cost|revenue|total|rate|ratio|share|score|value|weight)$/i, ["FLOAT64", "NUMERIC", "INT64"]],
  [/(count|quantity|qty|number|num|_seconds|_ms|_days|_cents|_bytes)$/i, ["INT64", "FLOAT64"]],
];

function orderFor(name: string): readonly string[] {
  const first = hints.find(([pattern]) => pattern.test(name))?.[1] ?? [];
  return [...first, ...all.filter((type) => !first.includes(type))];
}

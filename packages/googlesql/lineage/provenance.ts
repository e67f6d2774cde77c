/**
 * How a source takes part in a value, named as in OpenLineage's column lineage facet. The first three are DIRECT: the value
 * is made of the source. The others are INDIRECT: the source decides which rows there are, in which order, or which value
 * is taken. ROWS, which OpenLineage has no word for, is kept apart: the rows of a table, whatever is in them.
 */
export const subtypes = [
  "IDENTITY",
  "TRANSFORMATION",
  "AGGREGATION",
  "JOIN",
  "GROUP_BY",
  "FILTER",
  "SORT",
  "WINDOW",
  "CONDITIONAL",
  "ROWS",
] as const;

export type Subtype = (typeof subtypes)[number];

export const bitOf = (subtype: Subtype): number => 1 << subtypes.indexOf(subtype);

const IDENTITY = bitOf("IDENTITY");
const TRANSFORMATION = bitOf("TRANSFORMATION");
const AGGREGATION = bitOf("AGGREGATION");
const ROWS = bitOf("ROWS");
const directBits = IDENTITY | TRANSFORMATION | AGGREGATION;

export const isDirect = (mask: number): boolean => (mask & directBits) !== 0;

/** The subtypes in a mask; of the direct ones only the strongest change (AGGREGATION over TRANSFORMATION over IDENTITY). */
export function subtypesOf(mask: number): readonly Subtype[] {
  const direct = [AGGREGATION, TRANSFORMATION, IDENTITY].find((bit) => (mask & bit) !== 0) ?? 0;
  const shown = (mask & ~directBits) | direct;
  return subtypes.filter((_, i) => (shown & (1 << i)) !== 0);
}

/** Source -> mask of subtypes. A source is `sourceKey(table, column path)`; `*` as column is the table's rows. */
export type Provenance = ReadonlyMap<string, number>;

export const none: Provenance = new Map();

export const sourceKey = (table: string, column: string): string => `${table}\t${column}`;

export function sourceOf(key: string): { readonly table: string; readonly column: string } {
  const at = key.indexOf("\t");
  return { table: key.slice(0, at), column: key.slice(at + 1) };
}

export function merge(...all: readonly Provenance[]): Provenance {
  const given = all.filter((one) => one.size > 0);
  if (given.length === 0) return none;
  if (given.length === 1) return given[0]!;
  const merged = new Map(given[0]!);
  for (const one of given.slice(1)) for (const [key, mask] of one) merged.set(key, (merged.get(key) ?? 0) | mask);
  return merged;
}

function map(provenance: Provenance, change: (mask: number) => number): Provenance {
  if (provenance.size === 0) return none;
  return new Map([...provenance].map(([key, mask]) => [key, change(mask)]));
}

/** What goes through a function: no longer the value itself. */
export const transformed = (provenance: Provenance): Provenance =>
  map(provenance, (mask) => (mask & IDENTITY ? (mask & ~IDENTITY) | TRANSFORMATION : mask));

/** What goes through an aggregate function. */
export const aggregated = (provenance: Provenance): Provenance =>
  map(provenance, (mask) => (isDirect(mask) ? (mask & ~directBits) | AGGREGATION : mask));

/** What only decides: direct parts become `subtype`, and what was indirect stays what it was. */
export const deciding = (provenance: Provenance, subtype: Subtype): Provenance =>
  map(provenance, (mask) => (isDirect(mask) ? (mask & ~directBits) | bitOf(subtype) : mask));

/** The tables and arrays whose rows these are, as a part of a value: what COUNT(*) counts. */
export function rowsAs(rows: Provenance, subtype: Subtype): Provenance {
  const found = [...rows].filter(([, mask]) => mask & ROWS).map(([key]) => [key, bitOf(subtype)] as const);
  return found.length === 0 ? none : new Map(found);
}

/** What decides about rows, without whose rows they are. */
export const withoutRows = (rows: Provenance): Provenance =>
  new Map([...rows].flatMap(([key, mask]) => (mask & ~ROWS ? [[key, mask & ~ROWS] as const] : [])));

export const single = (key: string, subtype: Subtype): Provenance => new Map([[key, bitOf(subtype)]]);

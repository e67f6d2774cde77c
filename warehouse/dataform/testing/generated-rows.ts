import type { Column, Row } from "../../warehouse.ts";
import { type Action, type Graph, reachable } from "../graph.ts";

/** Numbers in [0, 1) from a seed: the same seed, the same numbers (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * Names of columns that say when we got a row, as against when the thing happened: the word for it (`ingested`, `load`, `synced`)
 * after what a loader puts before (`_`, `row_`, `dw_`), before what says that it is a time (`_at`, `_ts`).
 */
const arrivalName =
  /^_*(?:(?:row|rows|record|rec|dw|dwh|bq|etl|elt|raw|meta|metadata|batch|data|file)_+)*(?:received|ingested|ingestion|ingest|loaded|load|inserted|insert|landed|arrived|synced|sync|extracted|imported|import|fetched|uploaded|replicated|etl|elt)(?![a-z])|^_*(?:partition|airbyte|fivetran|sdc)|^(?:row_)?created_at$/;

/** Whether a column is taken for the one that says when a row arrived: by its name and type, unless the project says otherwise. */
export const isArrival = (column: Column): boolean =>
  /^(TIMESTAMP|DATETIME|DATE)$/.test(column.type) &&
  arrivalName.test(column.name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase());

/** The column that says when a row of a table arrived: the one that is stated, else the first that looks so. */
export const arrivalOf = (columns: readonly Column[], stated?: string | undefined): Column | undefined =>
  stated === undefined
    ? columns.find(isArrival)
    : columns.find((column) => column.name.toLowerCase() === stated.toLowerCase());

export interface GeneratedSources {
  /** Rows by declaration id, in the order in which they arrive. */
  readonly rows: ReadonlyMap<string, readonly Row[]>;
}

/** Words that a graph's SQL compares a column with: `kind = 'bulk'`, `event_type in ('open', 'click')`. */
export function literalsOf(graph: Graph, ids: Iterable<string>): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, Set<string>>();
  const byId = new Map(graph.actions.map((action) => [action.id, action]));
  for (const id of ids) {
    const text = textOf(byId.get(id));
    for (const match of text.matchAll(
      /\b([A-Za-z_]\w*)\)?\s*(?:=|!=|<>|(?:not\s+)?in)\s*\(?\s*((?:'[^'\n]*'\s*,?\s*)+)/gi,
    )) {
      const words = [...match[2]!.matchAll(/'([^'\n]*)'/g)].map((word) => word[1]!);
      const known = found.get(match[1]!.toLowerCase());
      if (known === undefined) found.set(match[1]!.toLowerCase(), new Set(words));
      else for (const word of words) known.add(word);
    }
  }
  return new Map([...found].map(([name, words]) => [name, [...words]]));
}

/** Keys that a graph's SQL takes out of JSON: `json_value(metadata, '$.class')`. */
export function jsonKeysOf(graph: Graph, ids: Iterable<string>): readonly string[] {
  const byId = new Map(graph.actions.map((action) => [action.id, action]));
  const keys = new Set<string>();
  for (const id of ids) for (const match of textOf(byId.get(id)).matchAll(/'\$\.([A-Za-z_]\w*)'/g)) keys.add(match[1]!);
  return [...keys];
}

const textOf = (action: Action | undefined): string =>
  action === undefined || !("query" in action)
    ? ""
    : action.query + ("incremental" in action ? (action.incremental?.query ?? "") : "");

export interface GenerateOptions {
  readonly random: () => number;
  readonly rowsPerSource: number;
  readonly begin: Date;
  /** Over how long rows arrive. */
  readonly spanMs: number;
  /** How late after it happened a row may arrive. */
  readonly lateMs: number;
  /** Columns that say when a row arrived, by the source's id, where the project states them. */
  readonly arrival?: ReadonlyMap<string, string> | undefined;
}

/**
 * Rows for the declarations that an action reads, made up by their types: keys from a small pool so that they repeat, words that
 * the SQL compares with, some NULLs, a few rows delivered twice, and events that arrive out of the order in which they happened.
 */
export function generateSources(
  graph: Graph,
  action: Action,
  columnsOf: ReadonlyMap<string, readonly Column[]>,
  options: GenerateOptions,
): GeneratedSources {
  const byId = new Map(graph.actions.map((known) => [known.id, known]));
  const upstream = reachable([action.id], (id) => byId.get(id)?.dependsOn ?? []);
  const words = literalsOf(graph, upstream);
  const jsonKeys = jsonKeysOf(graph, upstream);
  const rows = new Map<string, readonly Row[]>();
  for (const [id, columns] of columnsOf) {
    if (!upstream.has(id)) continue;
    const made: Row[] = [];
    const stated = options.arrival?.get(id)?.toLowerCase();
    const tells = (column: Column): boolean =>
      stated === undefined ? isArrival(column) : column.name.toLowerCase() === stated;
    for (let i = 0; i < options.rowsPerSource; i++) {
      const arrival = options.begin.getTime() + Math.floor((options.spanMs * i) / options.rowsPerSource);
      const again =
        made.length > 4 && options.random() < 0.08 ? made[Math.floor(options.random() * made.length)] : undefined;
      made.push(
        again === undefined
          ? row(columns, tells, arrival, i, words, jsonKeys, options)
          : redelivered(again, columns.filter(tells), arrival),
      );
    }
    rows.set(id, made);
  }
  return { rows };
}

/** The same thing told again: all the same but when it arrived. */
const redelivered = (again: Row, told: readonly Column[], arrival: number): Row => ({
  ...again,
  ...Object.fromEntries(told.map((column) => [column.name, timeText(column.type, arrival)])),
});

function row(
  columns: readonly Column[],
  tells: (column: Column) => boolean,
  arrival: number,
  index: number,
  words: ReadonlyMap<string, readonly string[]>,
  jsonKeys: readonly string[],
  options: GenerateOptions,
): Row {
  const { random } = options;
  // Most are in time; every fourth or so is late, anywhere up to the limit.
  const happened = arrival - Math.floor(random() < 0.3 ? random() * options.lateMs : random() * 60_000);
  const value = (column: Column): unknown => {
    const base = column.type.replace(/\(.*$/, "");
    const vocabulary = words.get(column.name.toLowerCase());
    switch (base) {
      case "BOOL":
        return random() < 0.7;
      case "INT64":
        return isKey(column.name) ? BigInt(index + 1) : BigInt(Math.floor(random() * 20));
      case "FLOAT64":
        return Math.round(random() * 10_000) / 100;
      case "NUMERIC":
      case "BIGNUMERIC":
        return (Math.round(random() * 10_000) / 100).toString();
      case "BYTES":
        return new Uint8Array([Math.floor(random() * 256)]);
      case "DATE":
      case "DATETIME":
      case "TIMESTAMP":
        return timeText(base, tells(column) ? arrival : happened);
      case "TIME":
        return new Date(happened).toISOString().slice(11, 19);
      case "JSON":
        return JSON.stringify(
          Object.fromEntries(
            jsonKeys
              .filter(() => random() < 0.7)
              .map((key) => {
                const known = words.get(key.toLowerCase());
                return [key, known ? known[Math.floor(random() * known.length)] : Math.floor(random() * 10)];
              }),
          ),
        );
      case "STRING":
        if (vocabulary !== undefined && vocabulary.length > 0)
          return vocabulary[Math.floor(random() * vocabulary.length)];
        if (isOwnKey(column.name, columns)) return `${column.name}_${index}`;
        if (isKey(column.name)) return `${column.name}_${Math.floor(random() * 9)}`;
        return random() < 0.1 ? null : `${column.name.slice(0, 3)}${Math.floor(random() * 5)}`;
      default:
        return null;
    }
  };
  return Object.fromEntries(columns.map((column) => [column.name, value(column)]));
}

const isKey = (name: string): boolean => /(^|_)(id|key|hash|uuid)$|_id_/i.test(name);
/** The first key of a table is taken to be its own; the others point elsewhere. */
const isOwnKey = (name: string, columns: readonly Column[]): boolean =>
  columns.find((column) => isKey(column.name))?.name === name;

function timeText(type: string, ms: number): string {
  const text = new Date(ms).toISOString();
  if (type === "DATE") return text.slice(0, 10);
  return type === "DATETIME" ? text.slice(0, 23).replace(/\.?0+$/, "") : text.replace(/\.?0+Z$/, "Z");
}

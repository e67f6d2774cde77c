import { UserError } from "../../../errors/user-error.ts";
import type { Column, QueryResult, Row } from "../../warehouse.ts";
import { actionsById, type Graph, reachable, type TableAction } from "../graph.ts";
import type { Bench } from "./bench.ts";
import { compareRows, renderDifference } from "./compare-rows.ts";
import { generateSources, isArrival, randomFrom } from "./generated-rows.ts";
import type { TestOutcome } from "./outcome.ts";

export interface PropertyOptions {
  readonly clock: () => number;
  readonly seed: number;
  /** A project's own rows instead of made-up ones, by declaration id. */
  readonly rows?: ReadonlyMap<string, readonly Row[]> | undefined;
  /** How late after it happened a row may arrive; what the models promise to put up with. 20 hours by default. */
  readonly lateMs?: number | undefined;
}

/** Reads of the clock: with time frozen through vars none is left, and the same batch gives the same rows whenever it is built. */
const clockRead = /\b(current_timestamp|current_datetime|current_date|current_time|rand|generate_uuid)\b\s*(\(|\b)/i;

/**
 * The properties that every incremental model must have, checked on rows that nobody wrote down:
 *
 *   reads no clock       its SQL, and that of the views it reads, has no `current_timestamp()` or `rand()` in it
 *   repeat               building a batch a second time changes nothing
 *   splits               whatever batches its sources arrive in, late rows included, it ends as a full refresh would have it
 */
export async function checkIncremental(
  bench: Bench,
  graph: Graph,
  action: TableAction,
  options: PropertyOptions,
): Promise<readonly TestOutcome[]> {
  const outcomes: TestOutcome[] = [];
  const check = async (property: string, run: () => Promise<string | undefined>): Promise<void> => {
    const began = options.clock();
    let message: string | undefined;
    try {
      message = await run();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      message = `${error.message} [${error.code}]${error.where === undefined ? "" : `\nwhere: ${error.where}`}`;
    }
    outcomes.push({
      kind: "property",
      name: `${action.id}: ${property}`,
      file: action.file,
      passed: message === undefined,
      ms: options.clock() - began,
      message,
    });
  };

  await check("reads no clock", async () => clockReads(graph, action));
  const sources = await sourceColumns(bench, graph, action);
  const own = new Map(
    [...(options.rows ?? [])].flatMap(([id, given]) => {
      const columns = sources.get(id);
      return columns === undefined || given.length === 0 ? [] : [[id, inOrderOfArrival(given, columns)] as const];
    }),
  );
  const madeUp = new Map([...sources].filter(([id]) => !own.has(id)));
  const rows: Batch = new Map([
    ...generateSources(graph, action, madeUp, {
      random: randomFrom(options.seed),
      rowsPerSource: 48,
      begin: new Date("2026-03-01T00:00:00Z"),
      spanMs: 4 * 86_400_000,
      lateMs: options.lateMs ?? 20 * 3_600_000,
    }).rows,
    ...own,
  ]);

  await check("building a batch again changes nothing", async () => {
    const random = randomFrom(options.seed + 1);
    for (const batch of await begin(bench, action, rows, inBatches(rows, sources, 2, random))) {
      await arrive(bench, batch);
      await bench.build(action);
      const before = await bench.rows(action);
      await bench.build(action);
      const difference = differences(await bench.rows(action), before);
      if (difference !== undefined)
        return `the second build of a batch changed the table (seed ${options.seed})\n${difference}`;
    }
    return undefined;
  });

  await check("any batches, late rows included, equal a full refresh", async () => {
    for (const count of [2, 5]) {
      const random = randomFrom(options.seed + count);
      for (const batch of await begin(bench, action, rows, inBatches(rows, sources, count, random))) {
        await arrive(bench, batch);
        await bench.build(action);
      }
      const incremental = await bench.rows(action);
      await bench.build(action, true);
      const difference = differences(incremental, await bench.rows(action));
      if (difference !== undefined) {
        return `after ${count} batches the table is not what a full refresh gives (seed ${options.seed}); expected is the full refresh\n${difference}`;
      }
    }
    return undefined;
  });
  return outcomes;
}

function clockReads(graph: Graph, action: TableAction): string | undefined {
  const byId = actionsById(graph);
  const views = reachable([action.id], (id) =>
    (byId.get(id)?.dependsOn ?? []).filter((other) => byId.get(other)?.kind === "view"),
  );
  for (const id of views) {
    const read = byId.get(id)!;
    const texts =
      "query" in read
        ? [read.query, ...("incremental" in read && read.incremental ? [read.incremental.query] : [])]
        : [];
    for (const text of texts) {
      const found = clockRead.exec(text.replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, ""));
      if (found !== null)
        return `${id} reads ${found[1]!.toLowerCase()}: building the same batch later gives other rows\nwhere: ${read.file}`;
    }
  }
  return undefined;
}

/** By the column that says when a row arrived, where there is one; ISO text sorts as time does. */
function inOrderOfArrival(rows: readonly Row[], columns: readonly Column[]): readonly Row[] {
  const arrival = columns.find(isArrival)?.name;
  if (arrival === undefined) return rows;
  const key = (row: Row) => String(row[arrival] ?? "");
  return [...rows].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}

type Batch = ReadonlyMap<string, readonly Row[]>;

async function sourceColumns(
  bench: Bench,
  graph: Graph,
  action: TableAction,
): Promise<ReadonlyMap<string, readonly Column[]>> {
  const byId = actionsById(graph);
  const found = new Map<string, readonly Column[]>();
  for (const id of reachable([action.id], (other) => byId.get(other)?.dependsOn ?? [])) {
    const source = byId.get(id);
    if (source?.kind === "declaration") found.set(id, await bench.columns(source));
  }
  return found;
}

/** Lays the sources out empty and takes the model's table away, then hands back the batches to come. */
async function begin(
  bench: Bench,
  action: TableAction,
  rows: Batch,
  batches: readonly Batch[],
): Promise<readonly Batch[]> {
  await bench.layOut(action, new Map([...rows.keys()].map((id) => [id, []])));
  await bench.resetOwn(action);
  return batches;
}

async function arrive(bench: Bench, batch: Batch): Promise<void> {
  for (const [id, rows] of batch) await bench.fill(id, rows);
}

/**
 * Cuts the rows of all sources into batches, in the order in which they arrive. Where a source does not say when a row arrived,
 * neighbours change places at random. Cuts fall anywhere, so batches differ in size and some may be empty.
 */
function inBatches(
  rows: Batch,
  columns: ReadonlyMap<string, readonly Column[]>,
  count: number,
  random: () => number,
): readonly Batch[] {
  const batches = Array.from({ length: count }, () => new Map<string, Row[]>());
  for (const [id, all] of rows) {
    const tellsArrival = columns.get(id)?.some(isArrival) ?? false;
    const ordered = tellsArrival
      ? all
      : all
          .map((row, i) => ({ row, at: i + random() * Math.max(2, all.length / 8) }))
          .sort((a, b) => a.at - b.at)
          .map(({ row }) => row);
    const cuts = Array.from({ length: count - 1 }, () => Math.floor(random() * (ordered.length + 1))).sort(
      (a, b) => a - b,
    );
    for (let i = 0; i < count; i++) {
      batches[i]!.set(id, ordered.slice(i === 0 ? 0 : cuts[i - 1]!, i === count - 1 ? ordered.length : cuts[i]!));
    }
  }
  return batches;
}

function differences(actual: QueryResult, expected: QueryResult): string | undefined {
  const difference = compareRows(actual, { rows: expected.rows, isOrdered: false });
  return difference === undefined ? undefined : renderDifference(difference, 4);
}

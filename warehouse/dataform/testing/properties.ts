import { UserError } from "../../../errors/user-error.ts";
import type { Column, QueryResult, Row } from "../../warehouse.ts";
import { actionsById, type Graph, reachable, type TableAction } from "../graph.ts";
import type { Bench } from "./bench.ts";
import { readsClock } from "./clock-reads.ts";
import { compareRows, renderDifference } from "./compare-rows.ts";
import { arrivalOf, generateSources, randomFrom } from "./generated-rows.ts";
import { type TestOutcome, whereLine } from "./outcome.ts";
import { noPropertySettings, type PropertySettings, propertiesFile } from "./property-settings.ts";

export interface PropertyOptions {
  readonly clock: () => number;
  readonly seed: number;
  /** A project's own rows instead of made-up ones, by declaration id. */
  readonly rows?: ReadonlyMap<string, readonly Row[]> | undefined;
  /** How late after it happened a row may arrive; what the models promise to put up with. 20 hours by default. */
  readonly lateMs?: number | undefined;
  /** What the project states of its tables. */
  readonly stated?: PropertySettings | undefined;
}

/**
 * The properties that every incremental model must have, checked on rows that nobody wrote down:
 *
 *   reads no clock       its SQL, and that of the views it reads, has no `current_timestamp()` or `rand()` in it, or nothing comes of
 *                        it but the columns that the project states to be for the audit
 *   repeat               building a batch a second time changes nothing
 *   splits               whatever batches its sources arrive in, late rows included, it ends as a full refresh would have it
 *
 * The clock stands still meanwhile, after the last row has arrived, and columns for the audit are not compared.
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
      message = `${error.message} [${error.code}]${whereLine(error, graph.texts)}`;
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

  const { arrival, audit: audits } = options.stated ?? noPropertySettings;
  const audit = audits.get(action.id) ?? [];
  const sources = await sourceColumns(bench, graph, action);
  const arrivals = new Map(
    [...sources].map(([id, columns]) => [id, arrivalOf(columns, arrival.get(id))?.name] as const),
  );
  for (const [id, name] of arrival) {
    if (!sources.has(id) || arrivals.get(id) !== undefined) continue;
    throw new UserError(`${id} has no column "${name}"`, {
      code: "test.column",
      exit: "config",
      where: `tests/models/${propertiesFile}`,
    });
  }
  const own = new Map(
    [...(options.rows ?? [])].flatMap(([id, given]) => {
      if (!sources.has(id) || given.length === 0) return [];
      return [[id, inOrderOfArrival(given, arrivals.get(id))] as const];
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
      arrival,
    }).rows,
    ...own,
  ]);

  const late = new Date(latest(rows, arrivals).getTime() + 3_600_000);
  await check("reads no clock", async () => {
    const read = clockReads(graph, action);
    if (read === undefined) return undefined;
    const differing = await differingColumns(bench, action, rows, late);
    const rest = differing.filter((name) => !audit.some((known) => known.toLowerCase() === name.toLowerCase()));
    if (audit.length > 0 && rest.length === 0) return undefined;
    return `${read.message}${differing.length > 0 ? `\nbuilt at another time, other: ${differing.join(", ")}` : ""}
give the time through a var; or, where a column only says when a row was written, state it in tests/models/${propertiesFile}:
  ${action.target.schema}.${action.target.name}: { audit: [${differing.join(", ") || "column"}] }
where: ${read.file}`;
  });
  await bench.holdStill(late);

  await check("building a batch again changes nothing", async () => {
    const random = randomFrom(options.seed + 1);
    for (const batch of await begin(bench, action, rows, inBatches(rows, arrivals, 2, random))) {
      await arrive(bench, batch);
      await bench.build(action);
      const before = await bench.rows(action);
      await bench.build(action);
      const difference = differences(await bench.rows(action), before, audit);
      if (difference !== undefined)
        return `the second build of a batch changed the table (seed ${options.seed})\n${difference}`;
    }
    return undefined;
  });

  await check("any batches, late rows included, equal a full refresh", async () => {
    for (const count of [2, 5]) {
      const random = randomFrom(options.seed + count);
      let wasEmpty: boolean | undefined;
      for (const batch of await begin(bench, action, rows, inBatches(rows, arrivals, count, random))) {
        await arrive(bench, batch);
        await bench.build(action);
        wasEmpty ??= (await bench.rows(action)).rows.length === 0;
      }
      const incremental = await bench.rows(action);
      await bench.build(action, true);
      const difference = differences(incremental, await bench.rows(action), audit);
      if (difference !== undefined) {
        return `after ${count} batches the table is not what a full refresh gives (seed ${options.seed}); expected is the full refresh\n${difference}${
          wasEmpty === true && incremental.rows.length === 0
            ? "\nthe first batch left the table empty, and nothing came into it afterwards: a bound that is taken from an empty table is NULL (coalesce it)"
            : ""
        }\n${dealt(arrivals)}`;
      }
    }
    return undefined;
  });
  return outcomes;
}

/** How rows were dealt out to batches, source by source. */
function dealt(arrivals: Arrivals): string {
  return [...arrivals]
    .map(([id, name]) =>
      name === undefined
        ? `rows of ${id} came out of their order: no column was found that says when one arrived; if there is one, state it in tests/models/${propertiesFile}: { ${id}: { arrival: column } }`
        : `rows of ${id} came in the order of ${name}`,
    )
    .join("\n");
}

/** When the last row of any source arrived, by the columns that say so; of made-up rows about 2026-03-05. */
function latest(rows: Batch, arrivals: Arrivals): Date {
  const times = [...rows].flatMap(([id, all]) => {
    const name = arrivals.get(id);
    return name === undefined ? [] : all.map((row) => Date.parse(asUtc(String(row[name] ?? ""))));
  });
  const found = times.filter((time) => !Number.isNaN(time));
  return new Date(found.reduce((one, other) => Math.max(one, other), Date.parse("2026-03-05T00:00:00Z")));
}

const asUtc = (text: string): string => (/[zZ]$|[+-]\d{2}:?\d{2}$/.test(text) || text.length <= 10 ? text : `${text}Z`);

/** Columns in which the table differs when all rows are built in their midst, and when they are built a year and a few hours later. */
async function differingColumns(
  bench: Bench,
  action: TableAction,
  rows: Batch,
  late: Date,
): Promise<readonly string[]> {
  const built = async (now: Date): Promise<QueryResult> => {
    await bench.holdStill(now);
    await bench.layOut(action, rows);
    await bench.resetOwn(action);
    await bench.build(action);
    return await bench.rows(action);
  };
  const before = await built(new Date(late.getTime() - 50 * 3_600_000));
  const after = await built(new Date(late.getTime() + 370 * 86_400_000));
  if (before.rows.length !== after.rows.length) return before.columns.map(({ name }) => name);
  const isSame = (name: string): boolean => differences(only(after, [name]), only(before, [name])) === undefined;
  return before.columns.map(({ name }) => name).filter((name) => !isSame(name));
}

const only = (result: QueryResult, names: readonly string[]): QueryResult => ({
  columns: result.columns.filter(({ name }) => names.includes(name)),
  rows: result.rows.map((row) => Object.fromEntries(names.map((name) => [name, row[name]]))),
});

function clockReads(
  graph: Graph,
  action: TableAction,
): { readonly message: string; readonly file: string } | undefined {
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
      const found = readsClock(text);
      if (found !== undefined)
        return {
          message: `${id} reads ${found}: building the same batch later gives other rows`,
          file: read.file,
        };
    }
  }
  return undefined;
}

/** By the column that says when a row arrived, where there is one; ISO text sorts as time does. */
function inOrderOfArrival(rows: readonly Row[], arrival: string | undefined): readonly Row[] {
  if (arrival === undefined) return rows;
  const key = (row: Row) => String(row[arrival] ?? "");
  return [...rows].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}

/** The column that says when a row arrived, by the source's id; undefined where none does. */
type Arrivals = ReadonlyMap<string, string | undefined>;

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
function inBatches(rows: Batch, arrivals: Arrivals, count: number, random: () => number): readonly Batch[] {
  const batches = Array.from({ length: count }, () => new Map<string, Row[]>());
  for (const [id, all] of rows) {
    const tellsArrival = arrivals.get(id) !== undefined;
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

/** What two tables differ in, but for columns that are not to be compared. */
function differences(actual: QueryResult, expected: QueryResult, but: readonly string[] = []): string | undefined {
  const left = but.map((name) => name.toLowerCase());
  const names = expected.columns.map(({ name }) => name).filter((name) => !left.includes(name.toLowerCase()));
  const [one, other] = but.length === 0 ? [actual, expected] : [only(actual, names), only(expected, names)];
  const difference = compareRows(one, { rows: other.rows, isOrdered: false });
  return difference === undefined ? undefined : renderDifference(difference, 4);
}

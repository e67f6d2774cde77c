import { join, relative } from "node:path";
import { type Deletion, deletedRows, notedDeletions } from "../../../governance/deletions.ts";
import { warehouseHolding } from "../../../governance/erasure/file-holdings.ts";
import { type ErasedInFile, namesErased } from "../../../governance/erasure/find-erased.ts";
import type { Holding } from "../../../governance/erasure/holding.ts";
import type { PlanEnv } from "../../../governance/erasure/plan.ts";
import {
  type LettersInBigQuery,
  lettersInBigQuery,
  linksAround,
  messagesInBigQuery,
  pendingRequestsInBigQuery,
  removeKeptBodies,
} from "../../../ingest/bigquery/people.ts";
import { findLetters, markErasedBodies, removeErasedBodies } from "../../../ingest/find-letters.ts";
import { type IngestContext, openIngest, openLocalIngest } from "../../../ingest/ingest-files.ts";
import { linksIn, messagesOf, pendingRequests, rowsInSegments } from "../../../ingest/segments/erase.ts";
import type { Journal } from "../../../platform/journal/journal.ts";
import { readFromDatabase } from "../../../warehouse/duckdb/erase-from-database.ts";
import {
  deleteRows,
  findInTables,
  type NamedTable,
  namesSubject,
  readFromTables,
  subjectParams,
  tablesOf,
  textsOfTable,
} from "../../../warehouse/people-in-tables.ts";
import type { Subject } from "../../../warehouse/person-columns.ts";
import type { Warehouse } from "../../../warehouse/warehouse.ts";
import { rawHolding, wantedBy } from "./holdings.ts";
import type { ErasureWorld } from "./home-erasure.ts";

export type OpenIngest = Awaited<ReturnType<typeof openIngest>>;

/** BigQuery as people are taken out of it. */
export interface PeopleInBigQuery {
  readonly openWarehouse: () => Promise<Warehouse>;
  /** Datasets of the project's tables, those of the raw tables not among them. */
  readonly datasets: () => Promise<readonly string[]>;
  readonly deletions: Journal<Deletion>;
}

/** Raw rows and what is built of them, as people are looked for in them: on this machine, or in BigQuery. */
export interface RawOfPeople {
  /** The sink, and the door before it. */
  readonly opened: Pick<OpenIngest, "envFor" | "sink">;
  pendingRequests(): ReturnType<typeof pendingRequests>;
  linksOf(ids: readonly string[]): Promise<Pick<PlanEnv, "links" | "accounts">>;
  messagesOf(ids: readonly string[]): Promise<readonly string[]>;
  rowsOf(subject: Subject): AsyncIterable<{ readonly table: string; readonly row: string }>;
  /** Where people of whom only tokens are known are named: in tables, and in sealed letters. Files of the home are not read. */
  namedAnywhere(isErased: (id: string) => boolean): Promise<NamedAnywhere>;
  readonly raw: Holding;
  readonly built: Holding;
  close(): Promise<void>;
}

export interface NamedAnywhere {
  /** Tables that were read; 0 where tables lie in files of the home. */
  readonly tables: number;
  readonly findings: readonly ErasedInFile[];
  /** Letters that no key of the home opens. */
  readonly unopened: number;
}

type Opening = Pick<ErasureWorld, "home" | "context" | "refreshViews" | "signal"> &
  Partial<Pick<ErasureWorld, "shredsUnreadable" | "bigQuery">>;

export const openRaw = (world: Opening): Promise<RawOfPeople> =>
  world.bigQuery === undefined ? openLocal(world) : openInBigQuery(world, world.bigQuery);

async function openLocal({
  home,
  context,
  refreshViews,
  shredsUnreadable = false,
  signal,
}: Opening): Promise<RawOfPeople> {
  const opened = await openLocalIngest(context);
  const { sink } = opened;
  return {
    opened,
    pendingRequests: () => pendingRequests(sink),
    linksOf: () => linksIn(sink),
    messagesOf: (ids) => messagesOf(sink, ids),
    async *rowsOf(subject) {
      for await (const { table, row } of rowsInSegments(sink, subject)) yield { table: `raw.${table}`, row };
      yield* await readFromDatabase(home.warehouse, subject, signal);
    },
    async namedAnywhere(isErased) {
      const { placesBySegment, unopened } = await findLetters(sink, context.keys, isErased);
      const findings = [...placesBySegment].map(([segment, places]) => letterFinding(`raw/${segment}`, places.length));
      return { tables: 0, findings, unopened };
    },
    raw: rawHolding(sink, context, shredsUnreadable),
    built: warehouseHolding(home.warehouse, signal, refreshViews),
    close: async () => void (await sink.close()),
  };
}

const letterFinding = (file: string, times: number): ErasedInFile => ({ file, place: "payload", times });

async function openInBigQuery({ home, context, signal }: Opening, there: PeopleInBigQuery): Promise<RawOfPeople> {
  const opened = await openIngest(context);
  const { projectId, dataset, state } = context.bigQuery!;
  const warehouse = await there.openWarehouse().catch(async (error: unknown) => {
    await opened.sink.close();
    throw error;
  });
  const rawTables = () => tablesOf(warehouse, [dataset]);
  const builtTables = async () =>
    tablesOf(
      warehouse,
      (await there.datasets()).filter((one) => one !== dataset),
    );
  const folders = { raw: context.raw, state: join(state, `${projectId}.${dataset}`) };
  const lettersNaming = (isWanted: (id: string) => boolean) =>
    lettersInBigQuery(warehouse, dataset, folders, context.keys, isWanted);
  const letters = (subject: Subject) => lettersNaming(wantedBy(subject));
  return {
    opened,
    pendingRequests: () => pendingRequestsInBigQuery(warehouse, dataset),
    linksOf: (ids) => linksAround(warehouse, dataset, ids),
    messagesOf: (ids) => messagesInBigQuery(warehouse, dataset, ids),
    async *rowsOf(subject) {
      yield* readFromTables(warehouse, await rawTables(), subject, signal);
      yield* readFromTables(warehouse, await builtTables(), subject, signal);
    },
    async namedAnywhere(isErased) {
      const isNamed = namesErased(isErased);
      const findings = new Map<string, ErasedInFile>();
      const tables = [...(await rawTables()), ...(await builtTables())];
      for (const table of tables)
        for await (const { column, text, rows } of textsOfTable(warehouse, table, signal)) {
          if (!isNamed(text)) continue;
          const key = `${table.name}.${column}`;
          findings.set(key, { file: table.name, place: column, times: (findings.get(key)?.times ?? 0) + rows });
        }
      const { named, kept, unopened } = await lettersNaming(isErased);
      const sealed = [
        ...(named.length > 0 ? [letterFinding(`${dataset}.dead_letters`, named.length)] : []),
        ...kept.map((path) => letterFinding(relative(home.root, path), 1)),
      ];
      return { tables: tables.length, findings: [...findings.values(), ...sealed], unopened };
    },
    raw: rawTablesHolding({
      warehouse,
      dataset,
      tables: rawTables,
      letters,
      context,
      deletions: there.deletions,
      signal,
    }),
    built: builtTablesHolding(warehouse, builtTables, signal),
    async close() {
      await opened.sink.close();
      await warehouse.close();
    },
  };
}

const blockIds = 5_000;

/** Raw tables of BigQuery, the sealed bytes of dead letters among them. What goes is written down in the journal of deletions before. */
function rawTablesHolding(env: {
  readonly warehouse: Warehouse;
  readonly dataset: string;
  readonly tables: () => Promise<readonly NamedTable[]>;
  readonly letters: (subject: Subject) => Promise<LettersInBigQuery>;
  readonly context: IngestContext;
  readonly deletions: Journal<Deletion>;
  readonly signal: AbortSignal;
}): Holding {
  const { warehouse, context, deletions } = env;
  const fault = (point: string) => context.fault?.(point);
  const take = notedDeletions(deletions, context.now, fault);
  const lettersTable = `${env.dataset}.dead_letters`;
  return {
    name: "raw",
    async find(subject) {
      const letters = await env.letters(subject);
      const found = new Map(
        (await findInTables(warehouse, await env.tables(), subject, env.signal)).map(({ table, rows }) => [
          table,
          rows,
        ]),
      );
      const named = Math.max(found.get(lettersTable) ?? 0, letters.named.length);
      if (named > 0) found.set(lettersTable, named);
      return {
        places: [
          ...[...found].map(([table, rows]) => ({ where: table, rows })).sort((a, b) => (a.where < b.where ? -1 : 1)),
          ...letters.kept.map((path) => ({ where: path, rows: 1 })),
        ],
        unsearchable: letters.unopened,
      };
    },
    async erase({ erasureId, subject }) {
      const letters = await env.letters(subject);
      markErasedBodies(context.raw, letters.aside);
      fault("bodies-marked");
      for (let at = 0; at < letters.named.length; at += blockIds) {
        const ids = letters.named.slice(at, at + blockIds);
        await take(erasureId, lettersTable, ids.length, () =>
          deleteRows(warehouse, lettersTable, "dead_letter_id in (select id from unnest(@ids) as id)", { ids }),
        );
      }
      const params = subjectParams(subject);
      const tables = new Map((await env.tables()).map(({ name, columns }) => [name, columns]));
      for (const { table, rows } of await findInTables(warehouse, [...(await env.tables())], subject, env.signal))
        await take(erasureId, table, rows, () =>
          deleteRows(warehouse, table, namesSubject(tables.get(table)!)!, params),
        );
      await removeErasedBodies(context.raw);
      await removeKeptBodies(letters.kept);
      fault("bodies-removed");
    },
    async account(erasureId, planned) {
      const places = [...(await deletedRows(deletions, erasureId))].map(([where, rows]) => ({ where, rows }));
      const kept = planned.places.filter(({ where }) => where.endsWith(".sealed"));
      return { places: [...places.sort((a, b) => (a.where < b.where ? -1 : 1)), ...kept] };
    },
  };
}

/** Tables that a build has made. What is added up comes right with the next one. */
const builtTablesHolding = (
  warehouse: Warehouse,
  tables: () => Promise<readonly NamedTable[]>,
  signal: AbortSignal,
): Holding => ({
  name: "warehouse",
  async find(subject) {
    const found = await findInTables(warehouse, await tables(), subject, signal);
    return { places: found.map(({ table, rows }) => ({ where: table, rows })) };
  },
  async erase({ subject, fault }) {
    const all = await tables();
    const columnsOf = new Map(all.map(({ name, columns }) => [name, columns]));
    const params = subjectParams(subject);
    for (const { table } of await findInTables(warehouse, all, subject, signal)) {
      await deleteRows(warehouse, table, namesSubject(columnsOf.get(table)!)!, params);
      fault("table-rows-deleted");
    }
  },
});

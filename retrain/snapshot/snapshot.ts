import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors/user-error.ts";
import { fileSha256, makeFolderWhole, writeWhole } from "../../platform/files.ts";
import { type Reading, readParquet, readParquetSample } from "../../warehouse/duckdb/read-parquet.ts";
import type { Column, Warehouse } from "../../warehouse/warehouse.ts";
import {
  alarmColumns,
  type ImplausibleFeature,
  implausibleFeatures,
  refuseImplausible,
} from "../alarm/implausible-features.ts";
import { type ContentDigest, ContentHasher, contentAlgorithm } from "../digest/content-digest.ts";
import { contentDigestSql } from "../digest/content-digest-sql.ts";
import { featureVersions } from "./feature-versions.ts";
import { type SnapshotLock, type SnapshotSpec, snapshotId, snapshotLock } from "./snapshot-lock.ts";
import { snapshotQuery } from "./snapshot-query.ts";

/** What making a snapshot touches outside itself. */
export interface SnapshotEnv {
  readonly warehouse: Pick<Warehouse, "name" | "query" | "exportParquet" | "columns">;
  /** Folder of snapshots (`home.snapshots`). */
  readonly snapshots: string;
  readonly now: () => Date;
  readonly signal?: AbortSignal;
}

export interface SnapshotRequest {
  /** Where the examples are; training.examples when not given. */
  readonly table?: string;
  readonly asOf?: Date;
  readonly from?: Date;
  readonly to?: Date;
  /** At most about so many rows, each stratum (isp, region, label) by its share. */
  readonly sampleRows?: number;
  /** A name under which people find it again. Names move; digests do not. */
  readonly name?: string;
  readonly dryRun?: boolean;
  /** Features that may tell an outcome implausibly well, by name, and why. */
  readonly waive?: Readonly<Record<string, string>>;
}

export interface Snapshot {
  readonly id: string;
  /** Folder with lock.json and the Parquet files. */
  readonly path: string;
  readonly lock: SnapshotLock;
}

export type CreatedSnapshot =
  | ({ readonly kind: "created" | "already-there" } & Snapshot)
  | { readonly kind: "planned"; readonly spec: SnapshotSpec; readonly query: string; readonly digestQuery: string };

export const examplesTable = "training.examples";
const sampledBy = ["isp", "region", "label"];
const required = ["message_id", "user_id_hash", "sent_at", "is_mature", "has_training_consent"];
const namePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const sha256 = (text: string) => ({
  algorithm: "sha256",
  value: createHash("sha256").update(text).digest("hex"),
});

/**
 * Freezes the mature, consented examples of a range as Parquet with a lock. The digest comes from the warehouse; the files
 * are read back and must give the same one. The same data again is the same snapshot, and no second copy is made.
 */
export async function createSnapshot(env: SnapshotEnv, request: SnapshotRequest = {}): Promise<CreatedSnapshot> {
  if (request.name !== undefined) checkName(request.name);
  const table = request.table ?? examplesTable;
  const spec: SnapshotSpec = {
    table,
    as_of: request.asOf?.toISOString() ?? null,
    sent_from: request.from?.toISOString() ?? null,
    sent_to: request.to?.toISOString() ?? null,
    sample: request.sampleRows === undefined ? null : { method: "stratified", rows: request.sampleRows, by: sampledBy },
  };
  const columns = await examplesColumns(env.warehouse, table);
  const query = snapshotQuery(spec, columns);
  const digestQuery = contentDigestSql(query, columns);
  if (request.dryRun) return { kind: "planned", spec, query, digestQuery };

  const found = await warehouseDigest(env, digestQuery);
  if (found.rows === 0) {
    throw new UserError(`no mature, consented rows of ${table} in the asked range`, {
      code: "snapshot.empty",
      exit: "check",
      where: query.slice(query.indexOf("where")).replaceAll("\n", " "),
      next: "inboxloop build --as-of <a time 7 days after the last send>",
    });
  }
  await refuseRawAddresses(env, snapshotQuery({ ...spec, sample: null }, columns));

  const id = snapshotId(found.content.value);
  const path = join(env.snapshots, id);
  const existing = await readLock(path);
  if (existing) {
    if (request.name !== undefined) await giveName(env.snapshots, request.name, id);
    return { kind: "already-there", id, path, lock: existing };
  }
  const wholeTable = `select ${columns.map((c) => `\`${c.name}\``).join(", ")} from ${table}`;
  const sorted = [...columns].sort((a, b) => (a.name < b.name ? -1 : 1));
  let lock: SnapshotLock | undefined;
  const kept = await makeFolderWhole(path, async (temporary) => {
    const name = "part-00000.parquet";
    const file = join(temporary, name);
    await env.warehouse.exportParquet(query, file, { signal: env.signal });
    // The files are digested here, the table they came from where it is: side by side.
    const [copied, whole, features] = await Promise.all([
      digestOfFiles([file], sorted, env.signal),
      warehouseDigest(env, contentDigestSql(wholeTable, columns)),
      featureVersions(env.warehouse, columns, env.signal),
    ]);
    if (copied.content.value !== found.content.value || copied.rows !== found.rows) {
      throw new UserError(
        `the exported files hold ${copied.content.value.slice(0, 16)} (${copied.rows} rows), the warehouse said ${id} (${found.rows} rows)`,
        {
          code: "snapshot.moved",
          exit: "check",
          where: table,
          next: "let the running build finish, then: inboxloop snapshot create",
        },
      );
    }
    const waived = refuseImplausible(await implausibleIn(file, sorted, found.rows), request.waive ?? {}, {
      code: "snapshot.implausible",
      where: table,
      command: "inboxloop snapshot create",
    });
    lock = {
      schema: "1",
      spec,
      lock: {
        rows: found.rows,
        columns: sorted,
        query: sha256(query),
        content: found.content,
        parents: [{ table, rows: whole.rows, content: whole.content }],
        ...(features && { features }),
      },
      files: [{ name, bytes: (await stat(file)).size, sha256: await fileSha256(file) }],
      made: {
        at: env.now().toISOString(),
        by: "inboxloop",
        engine: env.warehouse.name,
        name: request.name ?? null,
        ...(Object.keys(waived).length > 0 && { waived }),
      },
    };
    await writeWhole(join(temporary, "lock.json"), `${JSON.stringify(lock, null, 2)}\n`);
  });
  if (request.name !== undefined) await giveName(env.snapshots, request.name, id);
  return { kind: kept ? "created" : "already-there", id, path, lock: (await readLock(path)) ?? lock! };
}

/** Rows that the alarm looks at, at most about; features of so many columns are read at once. */
const alarmRows = 40_000;
const columnsAtOnce = 16;

async function implausibleIn(
  file: string,
  columns: readonly Column[],
  rows: number,
): Promise<readonly ImplausibleFeature[]> {
  const { features, outcomes } = alarmColumns(columns);
  if (outcomes.length === 0) return [];
  const found: ImplausibleFeature[] = [];
  for (let at = 0; at < features.length; at += columnsAtOnce) {
    const some = features.slice(at, at + columnsAtOnce);
    const wanted: Record<string, Reading> = {};
    for (const one of some) wanted[one.name] = one.type === "number" ? "number" : "text";
    for (const one of outcomes) wanted[one.column] = "number";
    const table = await readParquetSample([file], wanted, "message_id", rows, alarmRows);
    found.push(...implausibleFeatures(table, some, outcomes));
  }
  return found;
}

async function examplesColumns(warehouse: SnapshotEnv["warehouse"], table: string): Promise<readonly Column[]> {
  const columns = await warehouse.columns(table);
  if (!columns) {
    throw new UserError(`there is no table ${table}`, {
      code: "snapshot.no-table",
      exit: "config",
      where: table,
      next: "inboxloop build",
    });
  }
  const missing = required.filter((name) => !columns.some((c) => c.name === name));
  if (missing.length > 0) {
    throw new UserError(`${table} has no column ${missing.join(", ")}`, {
      code: "snapshot.missing-column",
      exit: "config",
      where: table,
      next: "inboxloop build",
    });
  }
  return columns;
}

async function warehouseDigest(env: SnapshotEnv, sql: string): Promise<ContentDigest> {
  const { rows } = await env.warehouse.query(sql, { signal: env.signal, file: "snapshot digest" });
  return {
    rows: Number(rows[0]?.["n_rows"]),
    content: { algorithm: contentAlgorithm, value: String(rows[0]?.["content"]) },
  };
}

/** No raw address may get into a training set: a user id with an @ stops the snapshot. */
async function refuseRawAddresses(env: SnapshotEnv, query: string): Promise<void> {
  const { rows } = await env.warehouse.query(
    `select count(*) as n_rows from (\n${query}\n) where strpos(user_id_hash, '@') > 0`,
    { signal: env.signal, file: "snapshot address check" },
  );
  const count = Number(rows[0]?.["n_rows"]);
  if (count > 0) {
    throw new UserError(`${count} rows carry an address where a hashed user id belongs`, {
      code: "snapshot.raw-address",
      exit: "check",
      where: "user_id_hash",
      next: "inboxloop ingest verify",
    });
  }
}

/** The content digest of Parquet files, computed from their values without SQL. */
export async function digestOfFiles(
  files: readonly string[],
  columns: readonly Column[],
  signal?: AbortSignal,
): Promise<ContentDigest> {
  const hasher = new ContentHasher(columns);
  await readParquet(files, columns, (valuesOf, rows) => hasher.addColumns(valuesOf, rows), signal);
  return hasher.digest();
}

function checkName(name: string): void {
  if (namePattern.test(name)) return;
  throw new UserError(`"${name}" cannot name a snapshot`, {
    code: "snapshot.name",
    exit: "usage",
    next: "use lower-case letters, digits, dots, dashes and underscores",
  });
}

/** Whether the rows that are left and the hashes of those that went give the content of each snapshot that this one was before. */
async function provenParents(snapshot: Snapshot, signal: AbortSignal | undefined): Promise<SnapshotVerdict["erased"]> {
  const { lock, erased = [] } = snapshot.lock;
  if (erased.length === 0) return [];
  const hasher = new ContentHasher(lock.columns);
  await readParquet(
    snapshotFiles(snapshot),
    lock.columns,
    (valuesOf, rows) => hasher.addColumns(valuesOf, rows),
    signal,
  );
  return erased.toReversed().map(({ parent, rows, row_hashes }) => {
    for (const hash of row_hashes) hasher.addHash(hash);
    const before = hasher.digest();
    const proven = before.content.value === parent.content.value && before.rows === parent.rows;
    return { parent: parent.id, rows, proven };
  });
}

export const namesFolder = (snapshots: string): string => join(snapshots, "names");
const namePath = (snapshots: string, name: string): string => join(namesFolder(snapshots), name);

export async function giveName(snapshots: string, name: string, id: string): Promise<void> {
  await mkdir(namesFolder(snapshots), { recursive: true });
  await writeWhole(namePath(snapshots, name), `${id}\n`);
}

export async function readLock(path: string): Promise<SnapshotLock | undefined> {
  const file = join(path, "lock.json");
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    data = undefined;
  }
  const parsed = snapshotLock.safeParse(data);
  if (parsed.success) return parsed.data;
  throw new UserError(`not a snapshot lock: ${parsed.error.issues[0]?.message ?? "no JSON"}`, {
    code: "snapshot.lock",
    exit: "config",
    where: `${file}${parsed.error.issues[0] ? ` at ${parsed.error.issues[0].path.join(".")}` : ""}`,
    next: "remove the folder and run: inboxloop snapshot create",
  });
}

/** Every snapshot, the newest first. */
export async function listSnapshots(snapshots: string): Promise<readonly Snapshot[]> {
  const found: Snapshot[] = [];
  for (const entry of await readdir(snapshots).catch(() => [])) {
    if (!/^[0-9a-f]{16}$/.test(entry)) continue;
    const path = join(snapshots, entry);
    const lock = await readLock(path);
    if (lock) found.push({ id: entry, path, lock });
  }
  return found.sort((a, b) => (a.lock.made.at < b.lock.made.at ? 1 : -1));
}

/** The snapshot of a name, an id, a digest or the beginning of one (four digits at least). */
export async function findSnapshot(snapshots: string, reference: string): Promise<Snapshot> {
  const named = namePattern.test(reference)
    ? await readFile(namePath(snapshots, reference), "utf8").catch(() => undefined)
    : undefined;
  const wanted = named?.trim() ?? reference;
  const all = await listSnapshots(snapshots);
  const isCalled = (content: string) => content.startsWith(wanted) && wanted.length >= 4;
  const own = all.filter((s) => isCalled(s.lock.lock.content.value));
  // What it was before people were taken out of it still names it.
  const matches =
    own.length > 0 ? own : all.filter((s) => s.lock.erased?.some(({ parent }) => isCalled(parent.content.value)));
  if (matches.length === 1) return matches[0] as Snapshot;
  throw new UserError(
    matches.length === 0
      ? `no snapshot "${reference}"`
      : `"${reference}" is the beginning of ${matches.length} snapshots`,
    {
      code: matches.length === 0 ? "snapshot.unknown" : "snapshot.ambiguous",
      exit: "usage",
      where: snapshots,
      next: "inboxloop snapshot list",
    },
  );
}

/** Absolute paths of a snapshot's Parquet files. */
export const snapshotFiles = (snapshot: Snapshot): readonly string[] =>
  snapshot.lock.files.map((f) => join(snapshot.path, f.name));

export interface SnapshotVerdict {
  readonly id: string;
  readonly verdict: "pass" | "fail";
  readonly expected: { readonly rows: number; readonly content: string };
  readonly actual: { readonly rows: number; readonly content: string } | null;
  /** Files whose bytes are not those of the lock, or that are gone. */
  readonly changedFiles: readonly string[];
  /** Rows taken out because their people were erased, by the snapshot that it was before; `proven` when nothing else differs from that one. */
  readonly erased: readonly { readonly parent: string; readonly rows: number; readonly proven: boolean }[];
}

/** Recomputes a snapshot's digest from its files, with code that shares nothing with the SQL that froze it. */
export async function verifySnapshot(snapshot: Snapshot, signal?: AbortSignal): Promise<SnapshotVerdict> {
  const { lock, files } = snapshot.lock;
  const changedFiles: string[] = [];
  for (const file of files) {
    const sha = await fileSha256(join(snapshot.path, file.name)).catch(() => undefined);
    if (sha !== file.sha256) changedFiles.push(file.name);
  }
  const expected = { rows: lock.rows, content: lock.content.value };
  const actual = await digestOfFiles(snapshotFiles(snapshot), lock.columns, signal).then(
    (d) => ({ rows: d.rows, content: d.content.value }),
    (error: unknown) => {
      if (error instanceof UserError || error instanceof TypeError) return null;
      throw error;
    },
  );
  const same = actual?.content === expected.content && actual.rows === expected.rows;
  const erased = actual === null ? [] : await provenParents(snapshot, signal);
  return {
    id: snapshot.id,
    verdict: same && changedFiles.length === 0 && erased.every(({ proven }) => proven) ? "pass" : "fail",
    expected,
    actual,
    changedFiles,
    erased,
  };
}

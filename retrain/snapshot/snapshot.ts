import { createHash } from "node:crypto";
import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors/user-error.ts";
import { fileSha256, makeFolderWhole } from "../../platform/files.ts";
import { readHomeText, writeWhole } from "../../platform/home-files.ts";
import { readParquet, type VisitColumns } from "../../warehouse/duckdb/read-parquet.ts";
import type { Column, Warehouse } from "../../warehouse/warehouse.ts";
import { refuseImplausible } from "../alarm/implausible-features.ts";
import { sortedColumns } from "../digest/cells.ts";
import { type ContentDigest, ContentHasher, contentAlgorithm } from "../digest/content-digest.ts";
import { contentDigestSql } from "../digest/content-digest-sql.ts";
import { featureVersions } from "./feature-versions.ts";
import { examplesColumns, implausibleIn, refuseRawAddresses } from "./fit-to-freeze.ts";
import { labelModelDigest } from "./label-model-digest.ts";
import {
  type Provenance,
  type SnapshotLock,
  type SnapshotSpec,
  type SplitLock,
  type SplitSpec,
  snapshotId,
  snapshotLock,
} from "./snapshot-lock.ts";
import { eligibleQuery, frozenColumns, snapshotQuery } from "./snapshot-query.ts";
import { type Cut, cutOf, defaultSplit, hoursSql, refuseOneSided, SideCounter, splitColumn } from "./split.ts";

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
  /** How people and times are told apart; what is not given is as `defaultSplit` has it. */
  readonly split?: Partial<Omit<SplitSpec, "rule">>;
  /** What the project at hand works rows out by, and the commit that it is of; goes into the lock as it is. */
  readonly provenance?: Provenance;
  readonly git?: SnapshotLock["made"]["git"];
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
const sampledBy = ["isp", "region", "label", splitColumn.name];
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
  const split: SplitSpec = { ...defaultSplit, ...request.split };
  const spec = {
    table,
    as_of: request.asOf?.toISOString() ?? null,
    sent_from: request.from?.toISOString() ?? null,
    sent_to: request.to?.toISOString() ?? null,
    sample: request.sampleRows === undefined ? null : { method: "stratified", rows: request.sampleRows, by: sampledBy },
    split,
  } satisfies SnapshotSpec;
  const columns = await examplesColumns(env.warehouse, table);
  const frozen = frozenColumns(columns);
  const eligible = eligibleQuery(spec, columns);
  const cut = await findCut(env, eligible, columns, split);
  refuseOneSided(cut, split);
  const query = snapshotQuery(spec, columns, cut);
  const digestQuery = contentDigestSql(query, frozen);
  if (request.dryRun) return { kind: "planned", spec, query, digestQuery };

  const found = await warehouseDigest(env, digestQuery);
  await refuseRawAddresses(env, eligible);

  const id = snapshotId(found.content.value);
  const path = join(env.snapshots, id);
  const existing = await readLock(path);
  if (existing) {
    if (request.name !== undefined) await giveName(env.snapshots, request.name, id);
    return { kind: "already-there", id, path, lock: existing };
  }
  const wholeTable = `select ${columns.map((c) => `\`${c.name}\``).join(", ")} from ${table}`;
  const sorted = sortedColumns(frozen);
  let lock: SnapshotLock | undefined;
  const kept = await makeFolderWhole(path, async (temporary) => {
    const name = "part-00000.parquet";
    const file = join(temporary, name);
    await env.warehouse.exportParquet(query, file, { signal: env.signal });
    // The files are digested here, the table they came from where it is: side by side.
    const [copied, whole, features, labelModel] = await Promise.all([
      readBack(file, sorted, cut, env.signal),
      warehouseDigest(env, contentDigestSql(wholeTable, columns)),
      featureVersions(env.warehouse, columns, env.signal),
      labelModelDigest(env.warehouse, columns, env.signal),
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
    const waived = refuseImplausible(await implausibleIn(file, columns, found.rows), request.waive ?? {}, {
      code: "snapshot.implausible",
      where: table,
      command: "inboxloop snapshot create",
    });
    lock = {
      schema: "2",
      spec,
      lock: {
        rows: found.rows,
        columns: [...sorted],
        query: sha256(query),
        content: found.content,
        parents: [{ table, rows: whole.rows, content: whole.content }],
        ...(features && { features }),
        split: copied.split,
        provenance: { ...request.provenance, ...(labelModel && { label_model: labelModel }) },
      },
      files: [{ name, bytes: (await stat(file)).size, sha256: await fileSha256(file) }],
      made: {
        at: env.now().toISOString(),
        by: "inboxloop",
        engine: env.warehouse.name,
        name: request.name ?? null,
        ...(Object.keys(waived).length > 0 && { waived }),
        ...(request.git && { git: request.git }),
      },
    };
    await writeWhole(join(temporary, "lock.json"), `${JSON.stringify(lock, null, 2)}\n`);
  });
  if (request.name !== undefined) await giveName(env.snapshots, request.name, id);
  return { kind: kept ? "created" : "already-there", id, path, lock: (await readLock(path)) ?? lock! };
}

/** Where the rows of the range are cut; refuses a range without rows. */
async function findCut(env: SnapshotEnv, eligible: string, columns: readonly Column[], split: SplitSpec): Promise<Cut> {
  const { rows } = await env.warehouse.query(hoursSql(eligible, columns, split.people_share), {
    signal: env.signal,
    file: "snapshot split",
  });
  if (rows.length > 0) return cutOf(split, rows);
  throw new UserError("no mature, consented rows in the asked range", {
    code: "snapshot.empty",
    exit: "check",
    where: eligible.slice(eligible.indexOf("from ")).replaceAll("\n", " "),
    next: "inboxloop build --as-of <a time 7 days after the last send>",
  });
}

/** The digest of the exported rows, and how many are on each side, in one reading. */
async function readBack(
  file: string,
  columns: readonly Column[],
  cut: Cut,
  signal: AbortSignal | undefined,
): Promise<ContentDigest & { readonly split: SplitLock }> {
  const hasher = new ContentHasher(columns);
  const sides = new SideCounter(columns);
  const visit: VisitColumns = (valuesOf, rows) => {
    hasher.addColumns(valuesOf, rows);
    sides.add(valuesOf, rows);
  };
  await readParquet([file], columns, visit, signal);
  const split = { cut: cut.cut, learn_from: cut.learnFrom, ...sides.counts(), left_out: cut.leftOut };
  return { ...hasher.digest(), split };
}

async function warehouseDigest(env: SnapshotEnv, sql: string): Promise<ContentDigest> {
  const { rows } = await env.warehouse.query(sql, { signal: env.signal, file: "snapshot digest" });
  return {
    rows: Number(rows[0]?.["n_rows"]),
    content: { algorithm: contentAlgorithm, value: String(rows[0]?.["content"]) },
  };
}

function checkName(name: string): void {
  if (namePattern.test(name)) return;
  throw new UserError(`"${name}" cannot name a snapshot`, {
    code: "snapshot.name",
    exit: "usage",
    next: "use lower-case letters, digits, dots, dashes and underscores",
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
    text = await readHomeText(file);
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
    ? await readHomeText(namePath(snapshots, reference)).catch(() => undefined)
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

import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { copyFile, link, mkdir, open, readFile, rm, stat, statfs, truncate, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { outboxOptions, outboxTables } from "../../../activation/outbox.ts";
import { UserError } from "../../../errors/user-error.ts";
import type { CompactionBody } from "../../../ingest/ledger.ts";
import { openLedger } from "../../../ingest/ledger.ts";
import { LocalSink, ledgerPath } from "../../../ingest/segments/local-sink.ts";
import { locateSegments, partsBySegment } from "../../../ingest/segments/segment-map.ts";
import { verifyLedger } from "../../../ingest/segments/verify.ts";
import { fileSha256, syncDirectory, syncFile, writeAsIs } from "../../../platform/files.ts";
import { lineFor, lineFrom, readHomeFile, writeWhole } from "../../../platform/home-files.ts";
import { headerFile, makeSealedHome, sealOf, unsealed } from "../../../platform/home-seal.ts";
import {
  doneFile,
  endSealing,
  lockWords,
  movingMark,
  sealingFolder,
  sealingLock,
} from "../../../platform/home-sealing.ts";
import { type LockOptions, withLock } from "../../../platform/journal/lock.ts";
import { sealStore } from "../../../platform/store/seal-store.ts";
import { listSnapshots } from "../../../retrain/snapshot/snapshot.ts";
import { verifySnapshot } from "../../../retrain/snapshot/verify-snapshot.ts";
import { onlineOptions, onlineTables } from "../../../serve/online/databases.ts";
import { copyDatabase } from "../../../warehouse/duckdb/seal-database.ts";
import { SegmentStore } from "../../../warehouse/duckdb/segment-store.ts";
import { bytesToWrite, planSealing, type Step } from "./seal-plan.ts";

export interface SealOptions {
  readonly lock: LockOptions;
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly onProgress?: (bytes: number, total: number, path: string) => void;
  /** Called between two steps by name; the kill tests die in it. */
  readonly fault?: (point: string) => void;
}

export interface SealedHome {
  readonly root: string;
  readonly files: number;
  readonly bytes: number;
  readonly rows_verified: number;
  readonly snapshots_verified: number;
}

/** How a store is laid out, by its folder in the home. */
export const storesOf = {
  online: { tables: Object.values(onlineTables), options: onlineOptions },
  outbox: { tables: Object.values(outboxTables), options: outboxOptions },
} as const;

/**
 * Encrypts a home that is in clear. A sealed home is written within it and read through, while the one in clear stays as it is; one mark is the commit, after which
 * the sealed one takes its place by renames and what was in clear is removed. Killed anywhere it is begun again: what was done stays done.
 */
export async function sealHome(root: string, options: SealOptions): Promise<SealedHome> {
  const { fault = () => {} } = options;
  return withLock(join(root, sealingLock), { ...options.lock, ...lockWords }, async () => {
    endSealing(root, fault);
    const side = join(root, sealingFolder);
    await prepare(root, side, options);
    const files = await writeUntilSteady(root, side, options);
    const verified = await verify(side, options);
    refuseUsers(root);
    const { steps } = await planSealing(root);
    const done = await readDone(side);
    if (!steps.every((step) => step.kind === "dropped" || isDone(side, step, done))) throw changing(root);
    await writeAsIs(join(side, movingMark), "");
    await syncDirectory(side);
    fault("committed");
    const bytes = bytesToWrite(files);
    endSealing(root, fault);
    return { root, files: files.length, bytes, ...verified };
  });
}

/** Everything that would stop it is found before anything is written. */
async function prepare(root: string, side: string, { lock, signal, now }: SealOptions): Promise<void> {
  const { steps, unknown } = await planSealing(root);
  if (unknown.length > 0)
    throw new UserError(
      `${unknown.length} files in the home are none that it would write (${unknown.slice(0, 3).join(", ")})`,
      {
        code: "home.unknown-file",
        exit: "check",
        where: join(root, unknown[0]!),
        next: "move them out of the home: they would stay in clear",
      },
    );
  refuseUsers(root);
  const { bavail, bsize } = await statfs(root);
  const wanted = bytesToWrite(steps);
  if (bavail * bsize < 1.2 * wanted)
    throw new UserError(`encrypting writes ${mb(wanted)} beside what is there, and ${mb(bavail * bsize)} are free`, {
      code: "home.no-space",
      exit: "remote",
      where: root,
      next: "make room: what is in clear is removed only at the end",
    });
  if (existsSync(join(root, "raw", "ingest_ledger"))) {
    // What a process that died had committed is put where readers look.
    const sink = await LocalSink.open({ raw: join(root, "raw"), idKey: "", lock, now });
    sink.close();
  }
  signal.throwIfAborted();
  if (!existsSync(join(side, headerFile))) {
    await rm(side, { recursive: true, force: true });
    await makeSealedHome(side);
  }
  // Throws where it was begun under a key that is not there.
  sealOf(side);
}

const mb = (bytes: number): string => `${Math.ceil(bytes / 1e6).toLocaleString("en-US")} MB`;

/** Writes what is not written yet, and again what changed meanwhile, until nothing changes. */
async function writeUntilSteady(root: string, side: string, options: SealOptions): Promise<readonly Step[]> {
  for (let turn = 0; turn < 3; turn++) {
    const { steps } = await planSealing(root);
    const done = await readDone(side);
    const kept = steps.filter(({ kind }) => kind !== "dropped");
    await removeOthers(side, kept);
    const open = kept.filter((step) => !isDone(side, step, done));
    if (turn > 0 && open.length === 0) return kept;
    await writeAll(root, side, { open, kept }, options);
    await writeLate(root, side, kept, options);
  }
  throw changing(root);
}

const changing = (root: string): UserError =>
  new UserError("files of the home change while it is encrypted", {
    code: "home.in-use",
    exit: "remote",
    where: root,
    next: "stop whatever writes to it, and run the command again: it goes on where it was",
  });

type Done = ReadonlyMap<string, Pick<Step, "bytes" | "modifiedMs">>;

async function readDone(side: string): Promise<Done> {
  const path = join(side, doneFile);
  const text = await readFile(path, "utf8").catch(() => "");
  // A last line that is cut short was never whole: its file is written again.
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  if (whole !== text) await truncate(path, Buffer.byteLength(whole));
  const lines = whole.split("\n");
  return new Map(
    lines
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Step)
      .map((one) => [one.path, one]),
  );
}

function isDone(side: string, { path, bytes, modifiedMs }: Step, done: Done): boolean {
  const known = done.get(path);
  return known?.bytes === bytes && known.modifiedMs === modifiedMs && existsSync(join(side, path));
}

/** What was written of a file that is gone since. */
async function removeOthers(side: string, kept: readonly Step[]): Promise<void> {
  const wanted = new Set(kept.map(({ path }) => path));
  const { steps } = await planSealing(side);
  for (const { path } of steps)
    if (!wanted.has(path) && path !== movingMark && path !== doneFile) await rm(join(side, path));
}

async function writeAll(
  root: string,
  side: string,
  { open: steps, kept }: { readonly open: readonly Step[]; readonly kept: readonly Step[] },
  { signal, onProgress, fault }: SealOptions,
): Promise<void> {
  const total = bytesToWrite(kept);
  let bytes = total - bytesToWrite(steps);
  const segments = await SegmentStore.open();
  const handle = await open(join(side, doneFile), "a", 0o600);
  try {
    for (const step of steps) {
      signal.throwIfAborted();
      onProgress?.(bytes, total, step.path);
      const [from, to] = [join(root, step.path), join(side, step.path)];
      await mkdir(dirname(to), { recursive: true, mode: (await stat(dirname(from))).mode & 0o777 });
      await writeOne(step, from, to, segments);
      // What is linked is the file itself.
      if (step.kind !== "as-is") await utimes(to, step.modifiedMs / 1000, step.modifiedMs / 1000);
      await syncFile(to);
      fault?.(`written ${step.path}`);
      await handle.appendFile(`${JSON.stringify(step)}\n`);
      await handle.sync();
      bytes += bytesToWrite([step]);
    }
  } finally {
    segments.close();
    await handle.close();
  }
}

async function writeOne({ path, kind }: Step, from: string, to: string, segments: SegmentStore): Promise<void> {
  switch (kind) {
    case "database":
      await copyDatabase(from, to);
      return;
    case "parquet": {
      await rm(to, { force: true });
      const rows = await segments.merge([from], to);
      if (rows !== (await segments.countRows(from))) throw new Error(`${path}: rows were lost`);
      return;
    }
    case "lines":
      await writeAsIs(to, sealedLines(await readFile(from, "utf8"), to), 0o600);
      return;
    case "file": {
      const bytes = await readFile(from);
      await writeWhole(to, bytes, (await stat(from)).mode & 0o777);
      if (!(await readHomeFile(to)).equals(bytes)) throw new Error(`${path}: what was sealed is not what was read`);
      return;
    }
    case "store": {
      const folder = dirname(to);
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await copyFile(from, to);
      await sealStore({ folder, ...storesOf[path.split("/")[0] as keyof typeof storesOf] }, sealOf(folder)!);
      return;
    }
    default:
      await rm(to, { force: true });
      // No second copy where the file system can do without.
      await link(from, to).catch(() => copyFile(from, to));
      return;
  }
}

/** Seals a file of an encrypted home that is from before it was sealed; false where it is sealed already. */
export async function sealLeftOver(root: string, { path, kind }: Step): Promise<boolean> {
  const at = join(root, path);
  const bytes = await readFile(at);
  const seal = sealOf(at);
  const [first = ""] = bytes.toString("utf8").split("\n", 1);
  const isSealed = seal && (kind === "lines" ? lineFrom(first, seal) : unsealed(bytes, seal)) !== undefined;
  if (isSealed) return false;
  if (kind === "lines") await writeAsIs(at, sealedLines(bytes.toString("utf8"), at), 0o600);
  else await writeWhole(at, bytes);
  return true;
}

function sealedLines(text: string, to: string): string {
  const seal = sealOf(to);
  const lines = text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .slice(0, -1);
  const sealed = lines.map((line) => lineFor(line, seal));
  if (sealed.some((line, index) => lineFrom(line, seal) !== lines[index]))
    throw new Error(`${to}: what was sealed is not what was read`);
  return sealed.map((line) => `${line}\n`).join("");
}

/** What notes the bytes of other files is written when these are: the locks of snapshots, and the ledger, in which each segment now stands for itself. */
async function writeLate(
  root: string,
  side: string,
  kept: readonly Step[],
  { now, fault }: SealOptions,
): Promise<void> {
  for (const { path, modifiedMs } of kept) {
    if (!/^snapshots\/[^/]+\/lock\.json$/.test(path)) continue;
    const lock = JSON.parse(await readFile(join(root, path), "utf8")) as { files: { name: string }[] };
    const folder = dirname(join(side, path));
    const files = await Promise.all(
      lock.files.map(async (one) => {
        const file = join(folder, one.name);
        return { ...one, bytes: (await stat(file)).size, sha256: await fileSha256(file) };
      }),
    );
    await writeWhole(join(side, path), `${JSON.stringify({ ...lock, files }, null, 2)}\n`);
    await utimes(join(side, path), modifiedMs / 1000, modifiedMs / 1000);
  }
  fault?.("locks-written");
  const raw = join(side, "raw");
  const source = ledgerPath(join(root, "raw"));
  if (!existsSync(source)) return;
  const to = ledgerPath(raw);
  await writeAsIs(to, sealedLines(await readFile(source, "utf8"), to), 0o600);
  const ledger = openLedger(to);
  await ledger.refresh({ repair: false });
  const received_at = new Date(now()).toISOString();
  const bodies: CompactionBody[] = [];
  for (const [segment, parts] of partsBySegment(locateSegments(ledger.entries))) {
    const rows = parts.reduce((sum, part) => sum + part.rows, 0);
    const sha256 = await fileSha256(join(raw, segment));
    const { table } = parts[0]!;
    bodies.push({
      kind: "compaction",
      compaction_id: `sealed-${sha256.slice(0, 16)}`,
      table,
      segment,
      sha256,
      parts: [{ segment, rows }],
      received_at,
    });
  }
  if (bodies.length > 0) await ledger.append(bodies);
  fault?.("ledger-written");
}

/** Reads the sealed home through: each row of a segment against the digests of its batch, each snapshot against its own. */
async function verify(
  side: string,
  { signal }: SealOptions,
): Promise<Pick<SealedHome, "rows_verified" | "snapshots_verified">> {
  let rows = 0;
  if (existsSync(ledgerPath(join(side, "raw")))) {
    const { ok, problems, rows_checked } = await verifyLedger(join(side, "raw"));
    if (!ok) throw damaged(side, `${problems[0]?.where}: ${problems[0]?.detail}`);
    rows = rows_checked;
  }
  signal.throwIfAborted();
  const snapshots = await listSnapshots(join(side, "snapshots"));
  for (const snapshot of snapshots) {
    const { verdict } = await verifySnapshot(snapshot, signal);
    if (verdict !== "pass") throw damaged(side, `snapshot ${snapshot.id} is not what its lock says`);
  }
  return { rows_verified: rows, snapshots_verified: snapshots.length };
}

const damaged = (where: string, what: string): UserError =>
  new UserError(`the home is not sealed, for what was written cannot be proved: ${what}`, {
    code: "home.unproved",
    exit: "check",
    where,
    next: "inboxloop ingest verify, inboxloop snapshot verify   (of the home in clear, which is as it was)",
  });

/** Throws where a process that can be seen from here has a file of the home open: what it writes later would be lost. */
function refuseUsers(root: string): void {
  for (const pid of pidsHere()) {
    const file = filesOf(pid).find((path) => path.startsWith(`${root}/`));
    if (file === undefined) continue;
    throw new UserError(`process ${pid} has a file of the home open`, {
      code: "home.in-use",
      exit: "remote",
      where: file,
      next: `stop it first, or look at it: ps -fp ${pid}`,
    });
  }
}

/** Where there is no /proc, locks alone tell who is there. */
const pidsHere = (): readonly number[] =>
  (existsSync("/proc/self/fd") ? readdirSync("/proc") : [])
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid);

function filesOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((name) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${name}`)];
      } catch {
        return [];
      }
    });
  } catch {
    // Gone by now, or somebody else's.
    return [];
  }
}

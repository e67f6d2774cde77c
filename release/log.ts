import { createHash } from "node:crypto";
import { link, mkdir, open, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { UserError } from "../errors/user-error.ts";
import { syncFile } from "../platform/files.ts";
import { canonicalJson } from "../platform/journal/canonical-json.ts";
import { type ReleaseEvent, releaseEvent } from "./events.ts";

/** What an empty log's head is. */
export const genesis = "0".repeat(64);

const entryShape = z.strictObject({
  sequence: z.int().nonnegative(),
  at: z.iso.datetime(),
  by: z.string().min(1),
  event: releaseEvent,
  /** Head of the log that the author saw; the entry before this one. */
  previous: z.string().regex(/^[0-9a-f]{64}$/),
  /** SHA-256 of this entry's canonical JSON without this field. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
});

export interface Entry {
  readonly sequence: number;
  readonly at: string;
  readonly by: string;
  readonly event: ReleaseEvent;
  readonly previous: string;
  readonly hash: string;
}

export interface Log {
  readonly entries: readonly Entry[];
  /** Hash of the last entry. */
  readonly head: string;
  /** Bytes of a last line that was cut off by a crash; it was never acknowledged and is dropped by the next append. */
  readonly tornBytes: number;
}

export const entryHash = (entry: Omit<Entry, "hash">): string =>
  createHash("sha256").update(canonicalJson(entry)).digest("hex");

const broken = (path: string, line: number, message: string): UserError =>
  new UserError(`the release log is not whole: ${message}`, {
    code: "release.log-broken",
    exit: "check",
    where: `${path}:${line}`,
    next: "restore the file from a backup; until then nothing can be released",
  });

/** Reads and checks the whole log: every hash, every link. An edited, missing or moved entry is a UserError with its line. */
export async function readLog(path: string): Promise<Log> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { entries: [], head: genesis, tornBytes: 0 };
    throw error;
  }
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  const lines = whole.split("\n").slice(0, -1);
  const entries: Entry[] = [];
  let head = genesis;
  for (const [index, line] of lines.entries()) {
    const at = index + 1;
    let data: unknown;
    try {
      data = JSON.parse(line);
    } catch {
      throw broken(path, at, "a line is not JSON");
    }
    const parsed = entryShape.safeParse(data);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      throw broken(path, at, `${issue?.path.join(".")}: ${issue?.message}`);
    }
    const { hash, ...rest } = data as Entry;
    if (entryHash(rest) !== hash) throw broken(path, at, "an entry was edited (its hash differs)");
    if (rest.previous !== head) throw broken(path, at, "an entry is missing or moved (it names another predecessor)");
    if (rest.sequence !== index) throw broken(path, at, `sequence ${rest.sequence} where ${index} belongs`);
    entries.push(data as Entry);
    head = hash;
  }
  return { entries, head, tornBytes: Buffer.byteLength(text) - Buffer.byteLength(whole) };
}

export interface AppendRequest {
  readonly by: string;
  readonly at: Date;
  /** Written together or not at all, in this order. */
  readonly events: readonly ReleaseEvent[];
  /** The head that the decision was made on. */
  readonly seen: string;
}

/**
 * Appends entries, synced to disk before it returns. Refused (`release.stale`, exit 4) when the log has moved on since
 * `seen`, so of two people who decide at once one has to look again.
 */
export async function appendEntries(path: string, request: AppendRequest): Promise<readonly Entry[]> {
  return withLock(path, request.at, async () => {
    const log = await readLog(path);
    if (log.head !== request.seen) {
      const last = log.entries.at(-1);
      throw new UserError(`the release log moved on: ${last?.by} wrote "${last?.event.kind}" at ${last?.at}`, {
        code: "release.stale",
        exit: "check",
        where: `${path}: head ${log.head.slice(0, 12)}, seen ${request.seen.slice(0, 12)}`,
        next: "inboxloop release status",
      });
    }
    const added: Entry[] = [];
    for (const event of request.events) {
      const rest = {
        sequence: log.entries.length + added.length,
        at: request.at.toISOString(),
        by: request.by,
        event: releaseEvent.parse(event),
        previous: added.at(-1)?.hash ?? log.head,
      };
      added.push({ ...rest, hash: entryHash(rest) });
    }
    if (log.tornBytes > 0) await truncate(path, (await stat(path)).size - log.tornBytes);
    const handle = await open(path, "a");
    try {
      await handle.writeFile(added.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (log.entries.length === 0) await syncFile(dirname(path));
    return added;
  });
}

/**
 * One writer at a time: a lock file that holds its process id, linked into place so that it is never seen empty. One that a
 * dead process left is moved away and dropped.
 */
async function withLock<T>(path: string, at: Date, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const lock = `${path}.lock`;
  const own = `${lock}.${process.pid}-${performance.now().toString(36).replace(".", "")}`;
  await writeFile(own, `${process.pid} ${at.toISOString()}\n`);
  try {
    for (let attempt = 0; !(await linked(own, lock)); attempt++) {
      const text = await readFile(lock, "utf8").catch(() => "");
      const holder = Number(text.split(" ")[0]);
      if (holder && !isAlive(holder)) {
        await dropStale(lock, `${own}-stale`, text);
        continue;
      }
      if (attempt >= 250) {
        throw new UserError(`the release log is being written by process ${holder || "unknown"}`, {
          code: "release.locked",
          exit: "config",
          where: lock,
          next: "wait for it, or remove the lock file if that process is not ours",
        });
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    try {
      return await work();
    } finally {
      await rm(lock, { force: true });
    }
  } finally {
    await rm(own, { force: true });
  }
}

async function linked(own: string, lock: string): Promise<boolean> {
  try {
    await link(own, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Takes a dead process's lock away; one that somebody else has taken meanwhile is put back. */
async function dropStale(lock: string, aside: string, expected: string): Promise<void> {
  try {
    await rename(lock, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if ((await readFile(aside, "utf8")) !== expected) await linked(aside, lock);
  await rm(aside, { force: true });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

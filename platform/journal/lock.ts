import { randomUUID } from "node:crypto";
import {
  linkSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { UserError } from "../../errors/user-error.ts";

export interface LockOptions {
  readonly pid: number;
  readonly sleep: (ms: number) => Promise<void>;
  /** How long to wait for a holder that lives, in milliseconds. */
  readonly patienceMs: number;
  /** A holder whose processes cannot be seen from here (another container, another host) is dead after this silence. */
  readonly leaseMs?: number;
  /** What is locked, for people: `this home`. */
  readonly what?: string;
  /** Code of the error when the holder does not let go. */
  readonly code?: string;
}

/** A lock that this process holds. */
export interface HeldLock {
  /**
   * Throws when somebody else holds the lock by now, which happens only after this process stood still for longer than the lease.
   * Call it last before a write that counts.
   */
  check(): void;
}

/** Who wrote a lock: enough to tell, from wherever one looks, whether that process still runs. */
interface Owner {
  /** Made anew each time, so that no two holders are mistaken for each other. */
  readonly id: string;
  readonly pid: number;
  /** When the process began, as the kernel counts; tells it from a later one with the same id. */
  readonly start: string;
  /** Where its process id means something: this boot of this kernel, in this pid namespace. */
  readonly place: string;
}

const leaseMs = 15_000;
const beatMs = 2_000;

/** When a process began, as the kernel counts. Empty where nobody tells. */
function processStart(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}

/** Process ids of two places say nothing to each other: containers have namespaces of their own, hosts kernels. */
function thisPlace(): string {
  try {
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return hostname();
  }
}

let place: string | undefined;
const here = (): string => {
  place ??= thisPlace();
  return place;
};

/** The text by which a process marks what is its own. */
export const ownerText = (pid: number): string =>
  JSON.stringify({ id: randomUUID(), pid, start: processStart(pid), place: here() } satisfies Owner);

function ownerOf(text: string): Owner | undefined {
  try {
    const owner = JSON.parse(text) as Partial<Owner>;
    return typeof owner.pid === "number" && typeof owner.id === "string" ? (owner as Owner) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the process behind an `ownerText` still runs; "unknown" when its process ids mean nothing here. */
export function livenessOf(text: string): "alive" | "dead" | "unknown" {
  const owner = ownerOf(text);
  if (!owner) return "dead";
  if (owner.place !== here()) return "unknown";
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return "dead";
  }
  return owner.start === "" || processStart(owner.pid) === owner.start ? "alive" : "dead";
}

/**
 * Runs `work` while holding a lock file, waiting for whoever holds it. A kill never leaves the thing locked: the lock of a process that
 * can be seen to be dead is taken over at once. A holder in another pid namespace or on another host cannot be seen; it moves the
 * file's time while it works, and once that has stood still for a lease, as the waiter's own clock has it, the lock is taken over.
 */
export async function withLock<T>(
  path: string,
  options: LockOptions,
  work: (held: HeldLock) => Promise<T>,
): Promise<T> {
  mkdirSync(dirname(path), { recursive: true });
  const owner = ownerText(options.pid);
  await take(path, owner, options);
  const isMine = () => read(path) === owner;
  const beat = setInterval(() => isMine() && touch(path), beatMs).unref();
  try {
    return await work({
      check: () => {
        if (!isMine()) throw lost(path, options);
      },
    });
  } finally {
    clearInterval(beat);
    if (isMine()) remove(path);
  }
}

async function take(path: string, owner: string, options: LockOptions): Promise<void> {
  const lease = options.leaseMs ?? leaseMs;
  let seen = { text: "", time: 0, since: 0 };
  let hasMoved = false;
  const began = performance.now();
  for (let waited = 0; ; waited += 10) {
    if (create(path, owner)) return;
    const text = read(path);
    if (text !== undefined) {
      const liveness = livenessOf(text);
      if (liveness === "dead" && clear(path, text, owner)) continue;
      const time = timeOf(path);
      const now = performance.now();
      if (text !== seen.text || time !== seen.time) {
        hasMoved ||= text === seen.text;
        seen = { text, time, since: now };
      } else if (liveness === "unknown" && now - seen.since > lease && clear(path, text, owner)) continue;
      const isForeign = liveness === "unknown" && !hasMoved;
      const isOver = isForeign ? now - began > lease + options.patienceMs : waited >= options.patienceMs;
      if (isOver) throw held(path, options);
    }
    await options.sleep(10);
  }
}

/** Clears away what a dead holder left. One process at a time may, and it looks again before it does. */
function clear(path: string, dead: string, owner: string): boolean {
  const clearing = `${path}.clearing`;
  if (!create(clearing, owner)) {
    const clearer = read(clearing);
    const isGone = clearer !== undefined && livenessOf(clearer) !== "alive" && Date.now() - timeOf(clearing) > leaseMs;
    if (isGone || (clearer !== undefined && livenessOf(clearer) === "dead")) remove(clearing);
    return false;
  }
  try {
    if (read(path) === dead) remove(path);
  } finally {
    remove(clearing);
  }
  return true;
}

/** Creates the file with its content in one step (written beside it, then linked), so nobody reads it half written. */
function create(path: string, content: string): boolean {
  const temporary = `${path}.${ownerOf(content)?.id}`;
  writeFileSync(temporary, content, { mode: 0o600 });
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    remove(temporary);
  }
}

function touch(path: string): void {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

function timeOf(path: string): number {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

function held(path: string, { what = "this home", code = "journal.locked" }: LockOptions): UserError {
  const text = read(path) ?? "";
  const pid = ownerOf(text)?.pid ?? "unknown";
  const isHere = livenessOf(text) !== "unknown";
  return new UserError(
    isHere
      ? `process ${pid} is writing to ${what} and does not let go`
      : `a process of another container or host is writing to ${what} and does not let go`,
    {
      code,
      exit: "remote",
      where: path,
      next: isHere ? `wait for it, or look at it: ps -p ${pid}` : "wait for it, or give this process a home of its own",
    },
  );
}

const lost = (path: string, { what = "this home", code = "journal.locked" }: LockOptions): UserError =>
  new UserError(`this process stood still for so long that another took over ${what}; nothing was written`, {
    code: `${code}-lost`,
    exit: "remote",
    where: path,
    next: "run the command again",
  });

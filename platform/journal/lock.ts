import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { UserError } from "../../errors/user-error.ts";

export interface LockOptions {
  readonly pid: number;
  readonly sleep: (ms: number) => Promise<void>;
  /** How long to wait for the holder, in milliseconds. */
  readonly patienceMs: number;
}

/** When a process began, as the kernel counts; tells a process from a later one with the same id. Empty elsewhere. */
export function processStart(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}

/** Whether the process that wrote `<pid> <start>` still runs. */
export function isAlive(owner: string): boolean {
  const [pid = "", start = ""] = owner.trim().split(" ");
  if (!/^\d+$/.test(pid)) return false;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  return start === "" || processStart(Number(pid)) === start;
}

/**
 * Runs `work` while holding a lock file, waiting for whoever holds it. The lock of a process that died is taken over,
 * so a kill never leaves the home unusable.
 */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(path), { recursive: true });
  const owner = `${options.pid} ${processStart(options.pid)}`;
  for (let waited = 0; !tryTake(path, owner); waited += 10) {
    if (waited >= options.patienceMs) throw held(path);
    await options.sleep(10);
  }
  try {
    return await work();
  } finally {
    unlinkSync(path);
  }
}

function tryTake(path: string, owner: string): boolean {
  if (create(path, owner)) return true;
  if (isAlive(read(path) ?? owner)) return false;
  // Its holder is dead. One process at a time may clear it away, and looks again before it does.
  const clearing = `${path}.clearing`;
  if (!create(clearing, owner)) {
    const clearer = read(clearing);
    if (clearer !== undefined && !isAlive(clearer)) remove(clearing);
    return false;
  }
  try {
    const holder = read(path);
    if (holder !== undefined && !isAlive(holder)) remove(path);
  } finally {
    remove(clearing);
  }
  return create(path, owner);
}

/** Creates the file with its content in one step (written beside it, then linked), so nobody reads it half written. */
function create(path: string, content: string): boolean {
  const temporary = `${path}.${content.replace(/\D+/g, "-")}`;
  writeFileSync(temporary, content);
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

function held(path: string): UserError {
  const pid = read(path)?.split(" ")[0] ?? "unknown";
  return new UserError(`process ${pid} is writing to this home and does not let go`, {
    code: "ingest.locked",
    exit: "remote",
    where: path,
    next: `wait for it, or look at it: ps -p ${pid}`,
  });
}

import { mkdir } from "node:fs/promises";
import { totalmem } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { DuckDBInstance } from "@duckdb/node-api";
import { UserError } from "../../errors/user-error.ts";
import { isDamaged, rebuild } from "./damaged-data.ts";
import { noReclaiming } from "./reclaim-rows.ts";

export interface DatabaseOptions {
  /** The DuckDB file, made with its folder when it is not there; `:memory:` for one that leaves nothing behind. */
  readonly path: string;
  /** As DuckDB writes sizes (`1500MB`). By default a quarter of the machine's memory, at least 1 GB, at most 4 GB. */
  readonly memoryLimit?: string | undefined;
  readonly threads?: number | undefined;
  /** Where it spills; beside the file when absent. */
  readonly tempDirectory?: string | undefined;
  /** How long a file that another process holds is waited for. */
  readonly lockWaitMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** False for a database that has no business with files other than its own: nothing run in it can reach one, ever again. */
  readonly reachesFiles?: boolean | undefined;
}

const lockHolder = /Conflicting lock is held in (.+?) \(PID (\d+)\)/;

/**
 * Opens a DuckDB file. Within one process the same file is opened once and shared; the memory limit of the last opening holds for all. A file that another process holds is waited
 * for up to `lockWaitMs` (10 s), then a UserError `warehouse.locked` names that process.
 */
export async function openDatabase(options: DatabaseOptions): Promise<DuckDBInstance> {
  const { path } = options;
  const inMemory = path === ":memory:";
  const config: Record<string, string> = {
    preserve_insertion_order: "false",
    // A build commits after each action: writing the log into the file every 16 MB would cost more than many of them.
    checkpoint_threshold: "256MB",
    ...noReclaiming,
    allow_community_extensions: "false",
    autoinstall_known_extensions: "false",
    // A quarter of what a table costs to write, for a third more on disk.
    disabled_compression_methods: "fsst",
    ...(options.threads === undefined ? {} : { threads: String(options.threads) }),
    ...(inMemory && options.tempDirectory === undefined
      ? {}
      : { temp_directory: options.tempDirectory ?? join(dirname(path), "spill") }),
  };
  if (inMemory) return await limited(await DuckDBInstance.create(path, config), options);
  await mkdir(dirname(path), { recursive: true }).catch((cause: Error) => {
    throw new UserError(`the warehouse's folder cannot be made: ${cause.message}`, {
      code: "warehouse.unreadable",
      exit: "config",
      where: dirname(path),
      cause,
    });
  });
  const waitMs = options.lockWaitMs ?? 10_000;
  for (let waited = 0; ; waited += 100) {
    options.signal?.throwIfAborted();
    try {
      return await limited(await DuckDBInstance.fromCache(path, config), options);
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      const [, program, pid] = lockHolder.exec(message) ?? [];
      if (pid === undefined) {
        throw new UserError(`the warehouse cannot be opened: ${message}`, {
          code: "warehouse.unreadable",
          exit: "config",
          where: path,
          ...(isDamaged(message) ? { next: rebuild(path) } : {}),
          cause,
        });
      }
      if (waited >= waitMs) {
        throw new UserError(`the warehouse is in use by process ${pid} (${program})`, {
          code: "warehouse.locked",
          exit: "config",
          where: path,
          next: `wait for process ${pid} to end, or look at it with: ps -fp ${pid}`,
          cause,
        });
      }
      await pause(100, undefined, options.signal === undefined ? {} : { signal: options.signal });
    }
  }
}

async function limited(
  instance: DuckDBInstance,
  { memoryLimit, reachesFiles }: DatabaseOptions,
): Promise<DuckDBInstance> {
  const connection = await instance.connect();
  await connection.run(`set memory_limit = '${memoryLimit ?? defaultMemoryLimit(totalmem())}'`);
  // Once off, it cannot be put on again while the database is open.
  if (reachesFiles === false) await connection.run("set enable_external_access = false");
  connection.closeSync();
  return instance;
}

/** A quarter of the memory there is, between 1 and 4 GB, so that a laptop stays usable beside a build. */
export function defaultMemoryLimit(totalBytes: number): string {
  const megabytes = Math.floor(totalBytes / 4 / 1_000_000);
  return `${Math.min(4000, Math.max(1000, megabytes))}MB`;
}

import { mkdir } from "node:fs/promises";
import { totalmem } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { UserError } from "../../errors/user-error.ts";
import { DuckDBInstance } from "../../packages/googlesql/duckdb/client.ts";
import { openFolders, raiseWall } from "../../packages/googlesql/index.ts";
import { sealOf } from "../../platform/home-seal.ts";
import { isDamaged, rebuild } from "./damaged-data.ts";
import { noReclaiming } from "./reclaim-rows.ts";
import { openSealedDatabase } from "./sealed-engine.ts";

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
  /** Folders whose files it may read and write. Besides these, its own file and its spill folder, nothing run in it can reach anything, ever again. */
  readonly directories?: readonly string[] | undefined;
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
      const isSealed = sealOf(path) !== undefined;
      return await limited(
        await (isSealed ? openSealedDatabase(path, config) : DuckDBInstance.fromCache(path, config)),
        options,
      );
    } catch (cause) {
      if (cause instanceof UserError) throw cause;
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

/** One at a time: the same file is one database to all who open it, and its wall goes up once. */
let limiting: Promise<unknown> = Promise.resolve();

async function limited(instance: DuckDBInstance, options: DatabaseOptions): Promise<DuckDBInstance> {
  const turn = limiting.then(() => limit(instance, options));
  limiting = turn.catch(() => undefined);
  await turn;
  return instance;
}

async function limit(instance: DuckDBInstance, options: DatabaseOptions): Promise<void> {
  const connection = await instance.connect();
  try {
    await connection.run(`set memory_limit = '${options.memoryLimit ?? defaultMemoryLimit(totalmem())}'`);
    const directories = (options.directories ?? []).map((dir) => resolve(dir));
    const open = await openFolders(connection);
    if (open === undefined) {
      await raiseWall(connection, { directories, settings: ["memory_limit", ...Object.keys(noReclaiming)] });
      return;
    }
    const shut = directories.find((dir) => !open.some((folder) => `${dir}/`.startsWith(folder)));
    if (shut === undefined) return;
    throw new UserError(`the warehouse is open already, and may not reach ${shut}`, {
      code: "warehouse.shut_folder",
      exit: "config",
      where: options.path,
      next: "close it first, or open it with all folders that it needs",
    });
  } catch (error) {
    instance.closeSync();
    throw error;
  } finally {
    connection.closeSync();
  }
}

/** A quarter of the memory there is, between 1 and 4 GB, so that a laptop stays usable beside a build. */
export function defaultMemoryLimit(totalBytes: number): string {
  const megabytes = Math.floor(totalBytes / 4 / 1_000_000);
  return `${Math.min(4000, Math.max(1000, megabytes))}MB`;
}

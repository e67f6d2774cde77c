import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import rawTables from "../includes/raw_tables.js";
import { openDuckDbWarehouse } from "../warehouse/duckdb/adapter.ts";
import type { LocalEngine } from "../warehouse/duckdb/local-engine.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";
import type { Environment } from "./environment.ts";

/** This machine's warehouse with `raw.*` as it stands on disk now. Waits for another process to let go of it. */
export async function openLocalWarehouse(world: Environment, limits: LocalLimits = {}): Promise<Warehouse> {
  return await open(world, limits);
}

/** What the engine may take of the machine; INBOXLOOP_MEMORY, else a quarter of its memory, where nothing is said. */
export interface LocalLimits {
  /** As DuckDB writes sizes: `1200MB`. */
  readonly memoryLimit?: string | undefined;
}

/** The same, as the runner of builds wants it, with the sources of a project fed. */
export async function openLocalEngine(
  world: Environment,
  options: LocalLimits & { readonly projectDir: string; readonly sources?: string | undefined },
): Promise<LocalEngine> {
  const { localEngine } = await import("../warehouse/duckdb/local-engine.ts");
  const warehouse = await open(world, options);
  try {
    if (options.sources !== undefined) {
      const { readSourceFeeds } = await import("../warehouse/duckdb/source-files.ts");
      const { feedSources } = await import("../warehouse/duckdb/feed-sources.ts");
      await feedSources(warehouse.lane, await readSourceFeeds(resolve(world.cwd, options.sources)));
    }
  } catch (error) {
    await warehouse.close();
    throw error;
  }
  return localEngine(
    warehouse,
    createHash("sha256").update(realpathSync(options.projectDir)).digest("hex").slice(0, 16),
  );
}

const open = (world: Environment, limits: LocalLimits) =>
  openDuckDbWarehouse({
    path: world.home.warehouse,
    rawDir: world.home.raw,
    rawTables: Object.fromEntries(rawTables.names.map((name: string) => [name, rawTables.columns(name)])),
    memoryLimit: limits.memoryLimit ?? world.settings["INBOXLOOP_MEMORY"],
    signal: world.signal,
  });

import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import rawTables from "../includes/raw_tables.js";
import { folderArtefacts } from "../platform/artefacts/artefacts.ts";
import { homeAt } from "../platform/home.ts";
import type { Journal, JournalKind } from "../platform/journal/journal.ts";
import { journalFile } from "../platform/journal/journal-file.ts";
import type { LocalTargetSettings } from "../platform/settings.ts";
import type { LocalEngine } from "../warehouse/duckdb/local-engine.ts";
import type { EngineLimits, Target, TargetWorld } from "./target.ts";

/** A local target, whose engine can do more than the port asks for. */
export interface LocalTarget extends Target {
  openEngine(
    options: EngineLimits & { readonly projectDir: string; readonly sources?: string | undefined },
  ): Promise<LocalEngine>;
}

/** A journal in a file, as a local target keeps its own. */
export const fileJournal = <Body extends object>(path: string, kind: JournalKind<Body>): Journal<Body> =>
  journalFile(path, kind, { pid: process.pid, sleep: (ms) => sleep(ms), patienceMs: 5_000 });

/** This machine: DuckDB over immutable segments, folders, journals in files. `home` goes before what the settings say. */
export function localTarget(
  name: string,
  settings: LocalTargetSettings,
  world: TargetWorld,
  home?: string | undefined,
): LocalTarget {
  const at = homeAt(home ?? settings.home ?? world.settings["INBOXLOOP_HOME"] ?? ".inboxloop");

  /** Waits for another process to let go of the file. */
  async function open(limits: EngineLimits, more: readonly string[] = []) {
    const { openDuckDbWarehouse } = await import("../warehouse/duckdb/adapter.ts");
    return await openDuckDbWarehouse({
      path: at.warehouse,
      rawDir: at.raw,
      rawTables: Object.fromEntries(rawTables.names.map((table: string) => [table, rawTables.columns(table)])),
      memoryLimit: limits.memoryLimit ?? settings.memory ?? world.settings["INBOXLOOP_MEMORY"],
      directories: [at.snapshots, ...more],
      signal: world.signal,
    });
  }

  return {
    name,
    kind: "local",
    role: settings.role,
    home: at,
    snapshots: folderArtefacts(at.snapshots),
    models: folderArtefacts(at.models),
    rawInBigQuery: undefined,
    openWarehouse: (options = {}) => open(options, options.writesTo === undefined ? [] : [options.writesTo]),
    async openEngine(options) {
      const { localEngine } = await import("../warehouse/duckdb/local-engine.ts");
      const sources = options.sources === undefined ? undefined : resolve(world.cwd, options.sources);
      const warehouse = await open(options, sources === undefined ? [] : [sources]);
      try {
        if (sources !== undefined) {
          const { readSourceFeeds } = await import("../warehouse/duckdb/source-files.ts");
          const { feedSources } = await import("../warehouse/duckdb/feed-sources.ts");
          await feedSources(warehouse.lane, await readSourceFeeds(sources));
        }
      } catch (error) {
        await warehouse.close();
        throw error;
      }
      const project = createHash("sha256").update(realpathSync(options.projectDir)).digest("hex").slice(0, 16);
      return localEngine(warehouse, project);
    },
    journal: (journal, kind) => fileJournal(join(at.root, `${journal}.ndjson`), kind),
    bus: { topic: settings.pubsub_topic, subscription: settings.pubsub_subscription },
    close: async () => {},
  };
}

import type { Artefacts } from "../platform/artefacts/artefacts.ts";
import type { Home } from "../platform/home.ts";
import type { Journal, JournalKind } from "../platform/journal/journal.ts";
import type { BuildEngine } from "../warehouse/dataform/engine.ts";
import type { Warehouse } from "../warehouse/warehouse.ts";

/** What a target needs of the process. */
export interface TargetWorld {
  readonly cwd: string;
  /** The process's variables. */
  readonly settings: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** What the engine may take of the machine, where the target does not say. */
export interface EngineLimits {
  /** As DuckDB writes sizes: `1200MB`. */
  readonly memoryLimit?: string | undefined;
}

/** A build engine that is closed by whoever opened it. */
export interface OpenEngine extends BuildEngine {
  /** Drops datasets with all that is in them; of a trial only. */
  dropSchemas(schemas: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * Where the system runs: this machine, or Google Cloud. Chosen once, by name; no command, model or step asks which one it is on. Whatever
 * is opened here is closed by whoever opened it.
 */
export interface Target {
  readonly name: string;
  readonly kind: "local" | "bigquery";
  /** The role in which rows are read here, by its settings; undefined: everything is shown. */
  readonly role: string | undefined;
  /** What is on this machine, whatever the target. */
  readonly home: Home;
  /** The warehouse with `raw.*` as it stands now. `writesTo` is a folder of this machine that it may export to, beside its own. */
  openWarehouse(options?: EngineLimits & { readonly writesTo?: string | undefined }): Promise<Warehouse>;
  /** The same, as the runner of builds wants it. `sources` is a folder of files that feed declarations; local only. */
  openEngine(
    options: EngineLimits & { readonly projectDir: string; readonly sources?: string | undefined },
  ): Promise<OpenEngine>;
  readonly snapshots: Artefacts;
  readonly models: Artefacts;
  /** A journal of decisions by its name, like `release_log`. */
  journal<Body extends object>(name: string, kind: JournalKind<Body>): Journal<Body>;
  /** Where raw rows land and are verified: BigQuery's project; undefined for this machine's segments. */
  readonly rawInBigQuery: RawInBigQuery | undefined;
  /** Pub/Sub between the collector and the writer; undefined: the home's spool. */
  readonly bus: { readonly topic: string | undefined; readonly subscription: string | undefined };
  /** Lets go of what the target itself holds open (the warehouse behind a journal). */
  close(): Promise<void>;
}

export interface RawInBigQuery {
  readonly project: string;
  readonly location: string | undefined;
}

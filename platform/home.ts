import { join, resolve } from "node:path";

/** Where one machine's system lives. Everything in it but `raw/`, `release_log.ndjson` and `governance/` can be rebuilt. */
export interface Home {
  readonly root: string;
  /** The warehouse's DuckDB file: models and their results. */
  readonly warehouse: string;
  /** Immutable Parquet segments, a folder per raw table. */
  readonly raw: string;
  readonly spool: string;
  readonly snapshots: string;
  readonly models: string;
  /** Whose keys are whose and who may do what: `rights.yaml`, `allowed_signers`. */
  readonly governance: string;
  /** Generated keys (demo only), compiled graphs, and other things that are not data. */
  readonly state: string;
  /** The journal of erasures: who was erased, as keyed tokens, and the receipts. */
  readonly erasures: string;
  /** The journal of retention: receipts of what went by its age. */
  readonly retentions: string;
  readonly reports: string;
}

export function homeAt(dir: string): Home {
  const root = resolve(dir);
  return {
    root,
    warehouse: join(root, "warehouse.duckdb"),
    raw: join(root, "raw"),
    spool: join(root, "spool"),
    snapshots: join(root, "snapshots"),
    models: join(root, "models"),
    governance: join(root, "governance"),
    state: join(root, "state"),
    erasures: join(root, "governance", "erasures.ndjson"),
    retentions: join(root, "governance", "retentions.ndjson"),
    reports: join(root, "reports"),
  };
}

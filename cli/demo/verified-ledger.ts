import { verifyLedger } from "../../ingest/verify.ts";
import type { Environment } from "../environment.ts";
import { figures, withWarehouse } from "./local-steps.ts";

export interface VerifiedLedger {
  readonly batches: number;
  readonly problems: number;
  readonly deadLetters: Readonly<Record<string, number>>;
}

/** The ledger recomputed from the data, and the dead letters by reason as the warehouse has them. */
export async function verified(world: Environment): Promise<VerifiedLedger> {
  const progress = world.console.progress("verify ledger");
  const verdict = await verifyLedger(world.home.raw, (rows) => progress.update(rows, undefined, "rows"));
  progress.done(verdict.ok ? "sums, digests and chain hold" : `${verdict.problems.length} problems`);
  const rows = await withWarehouse(world, (warehouse) =>
    figures(warehouse, "select reason, count(*) as letters from raw.dead_letters group by reason order by reason"),
  );
  return {
    batches: verdict.batches,
    problems: verdict.problems.length,
    deadLetters: Object.fromEntries(rows.map((row) => [String(row["reason"]), Number(row["letters"])])),
  };
}

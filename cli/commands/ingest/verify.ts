import { exitCodes } from "../../../errors/user-error.ts";
import { deletedRows, deletionsJournal, deletionsName } from "../../../governance/deletions.ts";
import { verifyLedger } from "../../../ingest/segments/verify.ts";
import type { Environment } from "../../environment.ts";
import { type DestinationOptions, destinationOf } from "./destination.ts";
import { sumOf, table } from "./render.ts";

const none: ReadonlyMap<string, number> = new Map();

/** `inboxloop ingest verify`. */
export async function ingestVerifyCommand(environment: Environment, options: DestinationOptions): Promise<void> {
  const { console, home, target } = environment;
  const progress = console.progress("verify");
  const destination = destinationOf(environment, options);
  const verdict = destination
    ? await (await import("../../../ingest/bigquery/verify-bigquery.ts")).verifyBigQuery(destination, {
        deleted: target.kind === "bigquery" ? await deletedRows(target.journal(deletionsName, deletionsJournal)) : none,
        now: environment.now(),
      })
    : await verifyLedger(home.raw, (rows) => progress.update(rows));
  progress.done(`${verdict.rows_checked.toLocaleString("en-US")} rows`);
  console.result(verdict, () => {
    const { batches, problems } = verdict;
    const sum = `${batches} batches: ${sumOf(verdict)}`;
    const erased =
      verdict.erased > 0
        ? `\n${verdict.erased} rows were taken out since (erased, or too old), ${verdict.segments_erased_from} segments were written again`
        : "";
    if (verdict.ok) return `${sum}${erased}\nthe ledger is whole (head ${verdict.head_hash.slice(0, 12)})`;
    const found = table(
      ["problem", "where", "what"],
      problems.slice(0, 50).map((one) => [one.kind, one.where, one.detail]),
    );
    return `${sum}\n\n${found}\n\n${problems.length} problems: the raw data is not what was ingested\nnext: inboxloop ingest repair --from <copy of the raw folder>`;
  });
  if (!verdict.ok) process.exitCode = exitCodes.check;
}

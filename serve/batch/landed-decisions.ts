import type { Warehouse } from "../../warehouse/warehouse.ts";
import { writtenDecisions } from "./pages.ts";

/**
 * Knows which decisions of a page are in raw.decisions already. BigQuery takes rows a moment before they are counted, so what a killed run
 * had sent may be there though no ledger says so. `ask` reads a page's, one query a page.
 */
export function landedDecisions(warehouse: Pick<Warehouse, "query">, signal: AbortSignal) {
  const there = new Set<string>();
  return {
    isThere: (table: string, row: Readonly<Record<string, unknown>>): boolean =>
      table === "decisions" && there.has(String(row["decision_id"])),
    async ask(page: string): Promise<void> {
      const ids: string[] = [];
      for await (const { decision_id } of writtenDecisions(page)) ids.push(decision_id);
      const { rows } = await warehouse.query(
        "select distinct decision_id from raw.decisions where decision_id in (select id from unnest(@ids) as id)",
        { params: { ids }, file: "decisions that are there", signal },
      );
      for (const row of rows) there.add(String(row["decision_id"]));
    },
  };
}

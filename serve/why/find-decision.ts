import type { Warehouse } from "../../warehouse/warehouse.ts";
import type { DecisionRow } from "../decision-row.ts";

/** The decision of that id, of that message, or the latest about a person of those ids; undefined when there is none. */
export async function findDecision(
  warehouse: Pick<Warehouse, "query">,
  id: string,
  personIds: readonly string[],
  signal: AbortSignal,
): Promise<DecisionRow | undefined> {
  const { rows } = await warehouse.query(
    `select decision_id, user_id_hash, message_id, campaign_id, arm, model_version, decided_at, attributes
from staging.kept_decisions
where decision_id = @id or message_id = @id or user_id_hash in (select one from unnest(@people) as one)
order by decision_id = @id desc, message_id is not null and message_id = @id desc, decided_at desc, decision_id
limit 1`,
    { params: { id, people: personIds }, file: "decision to explain", signal },
  );
  const row = rows[0];
  if (!row) return undefined;
  return {
    ...row,
    table: "decisions",
    decision_id: String(row["decision_id"]),
    attributes: JSON.parse(String(row["attributes"] ?? "{}")),
  };
}

export interface SeenEvent {
  readonly event_type: string;
  readonly occurred_at: string;
  readonly campaign_id: string | null;
  readonly category: string | null;
}

/** What the person did last before the decision. */
export async function eventsBefore(
  warehouse: Pick<Warehouse, "query">,
  row: DecisionRow,
  signal: AbortSignal,
): Promise<readonly SeenEvent[]> {
  const { rows } = await warehouse.query(
    `select event_type, occurred_at, campaign_id, category
from events.events
where user_id_hash = @person and occurred_at < @at
order by occurred_at desc, event_id
limit 10`,
    {
      params: { person: String(row["user_id_hash"]), at: new Date(String(row["decided_at"])) },
      file: "events before",
      signal,
    },
  );
  const text = (value: unknown): string | null => (value === null || value === undefined ? null : String(value));
  return rows.map((one) => ({
    event_type: String(one["event_type"]),
    occurred_at: String(one["occurred_at"]),
    campaign_id: text(one["campaign_id"]),
    category: text(one["category"]),
  }));
}

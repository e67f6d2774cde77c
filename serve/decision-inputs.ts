import type { Row, Warehouse } from "../warehouse/warehouse.ts";

type Queries = Pick<Warehouse, "query">;

/** Where a page of people ends: the ids of one person stand beside each other, so that a mail to one of them is counted before the next is decided for. */
export interface Place {
  readonly person_id: string;
  readonly user_id_hash: string;
}

/** The next rows of features.decision_inputs, person by person; `where` narrows them, and has `inputs` for the table. */
export async function nextInputs(
  warehouse: Queries,
  page: {
    readonly after: Place | null;
    readonly rows: number;
    readonly where?: string;
    readonly params?: Readonly<Record<string, unknown>>;
  },
  signal: AbortSignal,
): Promise<readonly Row[]> {
  const { person_id, user_id_hash } = page.after ?? { person_id: "", user_id_hash: "" };
  const { rows } = await warehouse.query(
    `select inputs.*
from features.decision_inputs as inputs
where
  inputs.person_id >= @person
  and (inputs.person_id > @person or inputs.user_id_hash > @id)
  and ${page.where ?? "true"}
order by inputs.person_id, inputs.user_id_hash
limit ${page.rows}`,
    { params: { person: person_id, id: user_id_hash, ...page.params }, file: "decision inputs", signal },
  );
  return rows;
}

/** As of when the inputs are; null where nobody is there. */
export async function inputsAsOf(warehouse: Queries, signal: AbortSignal): Promise<Date | null> {
  const { rows } = await warehouse.query("select min(as_of_at) as as_of from features.decision_inputs", {
    file: "as-of instant of the inputs",
    signal,
  });
  const asOf = rows[0]?.["as_of"];
  return asOf === null || asOf === undefined ? null : new Date(String(asOf));
}

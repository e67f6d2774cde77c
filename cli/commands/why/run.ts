import { UserError } from "../../../errors/user-error.ts";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import type { DecisionRow } from "../../../serve/decision-row.ts";
import { type Explanation, explain } from "../../../serve/why/explain.ts";
import { eventsBefore, findDecision, type SeenEvent } from "../../../serve/why/find-decision.ts";
import type { Environment } from "../../environment.ts";
import { ingestContext } from "../ingest/context.ts";

export interface Why extends Explanation {
  readonly events_before: readonly SeenEvent[];
}

/** `inboxloop why`. An address is hashed before it is looked for. */
export async function whyCommand(world: Environment, id: string, comparedTo: string | undefined): Promise<Why> {
  const hashId = createIdHasher(ingestContext(world, { trustReceivedAt: false }).keys.ids.active);
  const warehouse = await world.target.openWarehouse();
  const find = async (wanted: string): Promise<DecisionRow> => {
    const found = await findDecision(warehouse, wanted, hashId(wanted), world.signal);
    if (found) return found;
    throw new UserError("nothing was decided under that id", {
      code: "why.unknown",
      exit: "usage",
      where: "raw.decisions",
      next: "a decision's id, a message's, or a customer's; what the service decided a moment ago is at GET /v1/decisions/{id}/why",
    });
  };
  try {
    const row = await find(id);
    const other = comparedTo === undefined ? undefined : await find(comparedTo);
    return { ...explain(row, other), events_before: await eventsBefore(warehouse, row, world.signal) };
  } finally {
    await warehouse.close();
  }
}

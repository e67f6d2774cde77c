import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { type Entry, hasOutbox, openOutbox } from "../../../activation/outbox.ts";
import { UserError } from "../../../errors/user-error.ts";
import { createIdsOf } from "../../../ingest/door/id-hasher.ts";
import { refuseClearFile } from "../../../platform/home-seal.ts";
import type { DecisionRow } from "../../../serve/decision-row.ts";
import { type Explanation, explain } from "../../../serve/why/explain.ts";
import { type CandidateExplanation, explainCandidate } from "../../../serve/why/explain-candidate.ts";
import { eventsBefore, findDecision, type SeenEvent } from "../../../serve/why/find-decision.ts";
import type { Environment } from "../../environment.ts";
import { ingestKeys } from "../../ingest-keys.ts";
import { outboxOf } from "../activate/outbox-folder.ts";
import { whyReport } from "./why-report.ts";

export interface Why extends Explanation {
  readonly events_before: readonly SeenEvent[];
  /** What moved the scores; null where no model scored, or it cannot be told any more. */
  readonly scores: CandidateExplanation | null;
  /** What became of its mail; null where nobody has looked at it yet, or this machine does not hand over. */
  readonly hand_over: HandOver | null;
}

export interface HandOver extends Pick<Entry, "state" | "to" | "attempts" | "reason" | "provider_id"> {
  readonly at: string;
}

/** `inboxloop why`. An address is hashed before it is looked for. */
export async function whyCommand(world: Environment, id: string, comparedTo: string | undefined): Promise<Why> {
  const idsOf = createIdsOf(ingestKeys(world).ids);
  const warehouse = await world.target.openWarehouse();
  const find = async (wanted: string): Promise<DecisionRow> => {
    const found = await findDecision(warehouse, wanted, idsOf(wanted), world.signal);
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
    return {
      ...explain(row, other),
      events_before: await eventsBefore(warehouse, row, world.signal),
      scores: await explainCandidate(warehouse, () => world.target.models.refresh(), row, world.signal),
      hand_over: await handOverOf(outboxOf(world.home), row.decision_id),
    };
  } finally {
    await warehouse.close();
  }
}

/** Writes the page of a decision, one HTML file that fetches nothing. Gives where it is. */
export async function writePage(world: Environment, found: Why, asked: string | undefined): Promise<string> {
  const { renderReport } = await import("../../../report/render-report.ts");
  const file = asked
    ? resolve(world.cwd, asked)
    : join(world.home.reports, `why-${found.decision_id.replaceAll(/[^A-Za-z0-9._-]/g, "_")}.html`);
  refuseClearFile(file, "the page", `inboxloop why ${found.decision_id} --page <a file outside of the home>`);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, renderReport(whyReport(found)));
  return file;
}

async function handOverOf(folder: string, decisionId: string): Promise<HandOver | null> {
  if (!hasOutbox(folder)) return null;
  const outbox = openOutbox(folder);
  try {
    const entry = outbox.entry(decisionId);
    if (!entry) return null;
    const { state, to, attempts, reason, provider_id, at } = entry;
    return { state, to, attempts, reason, provider_id, at: new Date(at).toISOString() };
  } finally {
    await outbox.close();
  }
}

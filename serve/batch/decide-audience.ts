import { rm } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors/user-error.ts";
import { writeWhole } from "../../platform/home-files.ts";
import { periodsOf } from "../../policy/caps.ts";
import type { Pause } from "../../policy/decision.ts";
import { parsePolicy } from "../../policy/load-policy.ts";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { campaignInputs, readCampaigns } from "../campaign-inputs.ts";
import { type Campaign, decideTogether, type Made, type SentTo } from "../decide-together.ts";
import { inputsAsOf, type Place } from "../decision-inputs.ts";
import { decisionRow } from "../decision-row.ts";
import { type Heard, withHeard } from "../heard.ts";
import { type LoadedModels, loadModels } from "../models-in-force.ts";
import { personOf } from "../person.ts";
import { type BatchRequest, beginRun, type Run, readJson, runName, runOf } from "./begun-run.ts";
import { pageFiles, sentTo, writtenDecisions } from "./pages.ts";
import { readHeard } from "./read-heard.ts";
import { readPeople, readSent } from "./read-people.ts";
import { readTriggers } from "./read-triggers.ts";
import { type Summary, SummaryCounter } from "./summary.ts";

export interface BatchEnv {
  readonly warehouse: Pick<Warehouse, "query">;
  readonly models: string;
  /** Folder of runs. */
  readonly runs: string;
  readonly key: Uint8Array;
  readonly pauses: readonly Pause[];
  readonly pageRows: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (decisions: number) => void;
  /** Called between durable steps; the kill tests die in it. */
  readonly fault?: ((point: string) => void) | undefined;
}

/** A page of decisions, to be taken through the door. */
export interface Page {
  readonly path: string;
  /** An earlier run wrote it and may have landed some of it. */
  readonly isOfEarlierRun: boolean;
}

export interface BatchResult {
  readonly run: string;
  readonly state: "decided" | "resumed" | "already-decided" | "dry-run";
  readonly summary: Summary;
}

/**
 * Decides for an audience in one pass, in order of the people's ids, a page at a time. Each page is a file of decisions that is there
 * whole or not at all, and is given to `land`, which takes it through the door; what lands twice is known by its content. A run that
 * was killed goes on behind its last page with the policies, models and time that it was begun with.
 */
export async function decideAudience(
  env: BatchEnv,
  request: BatchRequest,
  land: (pages: AsyncIterable<Page>) => Promise<void>,
): Promise<BatchResult> {
  const name = runName(request);
  const folder = join(env.runs, name);
  const done = await readJson(join(folder, "done.json"));
  if (done !== undefined) return { run: name, state: "already-decided", summary: done as Summary };
  const isResumed = (await readJson(join(folder, "run.json"))) !== undefined;
  const run = await beginRun(folder, request);
  const counter = new SummaryCounter();
  const batch = await openBatch(env, run, request.occasion);
  try {
    await land(pagesOf(env, folder, batch, counter));
    env.signal.throwIfAborted();
  } finally {
    batch.models.close();
  }
  env.fault?.("batch-landed");
  const summary = counter.read();
  await writeWhole(join(folder, "done.json"), `${JSON.stringify(summary)}\n`);
  for (const page of await pageFiles(folder)) await rm(join(folder, page));
  return { run: name, state: isResumed ? "resumed" : "decided", summary };
}

/** The same decisions, and nothing of them written. */
export async function rehearseAudience(env: BatchEnv, request: BatchRequest): Promise<BatchResult> {
  const counter = new SummaryCounter();
  const batch = await openBatch(env, runOf(request), request.occasion);
  try {
    for await (const { made } of decisions(env, batch, fromTheStart)) count(counter, batch, made);
  } finally {
    batch.models.close();
  }
  return { run: runName(request), state: "dry-run", summary: counter.read() };
}

/** Where a run goes on: behind somebody, to whom so much was sent by it. */
interface Behind {
  readonly place: Place | null;
  readonly sent: SentTo | undefined;
}
const fromTheStart: Behind = { place: null, sent: undefined };

interface OpenBatch {
  readonly run: Run;
  readonly occasion: string;
  readonly models: LoadedModels;
  campaigns: readonly Campaign[];
  readonly segments: readonly string[] | null;
  readonly only: readonly string[] | null;
  /** What was heard of people since the features were worked out, by id. */
  readonly heard: ReadonlyMap<string, readonly Heard[]>;
}

const requestOf = (campaignId: string, occasion: string): string => `batch:${campaignId}:${occasion}`;

async function openBatch(env: BatchEnv, run: Run, occasion: string): Promise<OpenBatch> {
  const models = await loadModels(env.models, run.lineup, env.key);
  const book = await readCampaigns(
    env.warehouse,
    run.campaigns.map(({ campaign_id }) => campaign_id),
    env.signal,
  );
  const campaigns: Campaign[] = [];
  for (const { campaign_id, text, file } of run.campaigns) {
    const { policy, digest } = parsePolicy(text, file);
    campaigns.push({
      campaign_id,
      inputs: campaignInputs(book, campaign_id, policy),
      inForce: {
        policy,
        digest,
        key: env.key,
        pauses: env.pauses,
        sent: await readSent(
          env.warehouse,
          { policy, but: run.campaigns.map((one) => requestOf(one.campaign_id, occasion)) },
          run.now,
          env.signal,
        ),
      },
    });
  }
  for (const [i, one] of campaigns.entries()) {
    const { trigger } = one.inForce.policy;
    if (trigger.on === "event")
      campaigns[i] = {
        ...one,
        triggers: await readTriggers(env.warehouse, one.campaign_id, trigger, run.now, env.signal),
      };
  }
  campaigns.sort(
    (a, b) => b.inForce.policy.priority - a.inForce.policy.priority || (a.campaign_id < b.campaign_id ? -1 : 1),
  );
  const wanted = campaigns.map(({ inForce }) => inForce.policy.audience.segment);
  const segments = wanted.includes(null) ? null : (wanted as string[]);
  // Where every campaign answers events, only who has one to be answered for is read.
  const only = campaigns.every(({ triggers }) => triggers)
    ? [...new Set(campaigns.flatMap(({ triggers }) => [...triggers!.keys()]))].sort()
    : null;
  const asOf = await inputsAsOf(env.warehouse, env.signal);
  const heard = asOf === null ? new Map<string, readonly Heard[]>() : await readHeard(env.warehouse, asOf, env.signal);
  return { run, occasion, models, campaigns, segments, only, heard };
}

/** People who are decided for at once: what is made of few is let go of before it has to be moved. */
const peopleAtOnce = 250;

/** Decisions, some of a page at a time; the last of a page say so. */
interface SomeMade {
  readonly made: readonly Made[];
  readonly endsPage: boolean;
}

async function* decisions(env: BatchEnv, batch: OpenBatch, { place, sent }: Behind): AsyncIterable<SomeMade> {
  let after = place;
  let before = sent;
  let decided = 0;
  const own = {
    campaigns: batch.campaigns.map(({ campaign_id }) => campaign_id),
    decidedAt: new Date(batch.run.now),
  };
  const heardOf = (id: string): readonly Heard[] => batch.heard.get(id) ?? [];
  for (;;) {
    env.signal.throwIfAborted();
    const people = await readPeople(
      env.warehouse,
      { after, rows: env.pageRows, segments: batch.segments, only: batch.only, own },
      env.signal,
    );
    if (people.length === 0) return;
    after = people.at(-1)!;
    for (let from = 0; from < people.length; from += peopleAtOnce) {
      const { made, campaigns, last } = decideTogether(
        people.slice(from, from + peopleAtOnce).map((person) => withHeard(person, heardOf, batch.run.now)),
        batch.campaigns,
        batch.models,
        (person, campaign) => {
          const event = campaign.triggers?.get(person.user_id_hash);
          return event ? `event:${event.event_id}` : requestOf(campaign.campaign_id, batch.occasion);
        },
        batch.run.now,
        before,
      );
      before = last;
      batch.campaigns = campaigns;
      decided += made.length;
      yield { made, endsPage: from + peopleAtOnce >= people.length };
    }
    env.onProgress?.(decided);
    if (people.length < env.pageRows) return;
  }
}

async function* pagesOf(env: BatchEnv, folder: string, batch: OpenBatch, counter: SummaryCounter): AsyncIterable<Page> {
  const there = await pageFiles(folder);
  let last: string | undefined;
  for (const page of there) {
    last = (await recount(join(folder, page), batch, counter)) ?? last;
    yield { path: join(folder, page), isOfEarlierRun: true };
  }
  const behind = last === undefined ? fromTheStart : await placeOf(env, folder, there, last);
  let number = there.length;
  let page = "";
  for await (const { made, endsPage } of decisions(env, batch, behind)) {
    count(counter, batch, made);
    for (const { decision, notes } of made) page += `${JSON.stringify(decisionRow(decision, notes))}\n`;
    if (!endsPage) continue;
    const path = join(folder, `page-${String(number++).padStart(6, "0")}.ndjson`);
    await writeWhole(path, page);
    page = "";
    env.fault?.("batch-page");
    yield { path, isOfEarlierRun: false };
  }
}

function count(counter: SummaryCounter, batch: OpenBatch, made: readonly Made[]): void {
  for (const { decision } of made) counter.add(decision, policyOf(batch, decision.campaign_id));
}

const policyOf = (batch: OpenBatch, campaignId: string) =>
  batch.campaigns.find(({ campaign_id }) => campaign_id === campaignId)!.inForce.policy;

/** Where the pages of an earlier run end, and what they send to the other ids of the person there. */
async function placeOf(env: BatchEnv, folder: string, pages: readonly string[], id: string): Promise<Behind> {
  const { rows } = await env.warehouse.query("select * from features.decision_inputs where user_id_hash = @id", {
    params: { id },
    file: "where the run stopped",
    signal: env.signal,
  });
  if (!rows[0])
    throw new UserError("whom the run decided for last is not among the people any more", {
      code: "decide.changed",
      exit: "check",
      where: folder,
      next: "inboxloop decide --occasion <another name>",
    });
  const { person_id, user_id_hash, other_ids } = personOf(rows[0]);
  const sends = other_ids.length === 0 ? [] : await sentTo(folder, pages, new Set([user_id_hash, ...other_ids]));
  return { place: { person_id, user_id_hash }, sent: { person_id, sends } };
}

/** Counts a page that an earlier run has written, towards the summary and the global caps. Gives its last person. */
async function recount(path: string, batch: OpenBatch, counter: SummaryCounter): Promise<string | undefined> {
  let last: string | undefined;
  const periods = Object.values(periodsOf(batch.run.now));
  const sends = new Map<string, number>();
  for await (const { user_id_hash, campaign_id, counted, send } of writtenDecisions(path)) {
    last = user_id_hash;
    counter.add(counted, policyOf(batch, campaign_id));
    if (send) sends.set(campaign_id, (sends.get(campaign_id) ?? 0) + 1);
  }
  batch.campaigns = batch.campaigns.map((campaign) => {
    const { name } = campaign.inForce.policy;
    const own = batch.campaigns.filter(({ inForce }) => inForce.policy.name === name);
    const more = own.reduce((sum, { campaign_id }) => sum + (sends.get(campaign_id) ?? 0), 0);
    const sent = { ...campaign.inForce.sent };
    for (const period of periods) sent[period] = (sent[period] ?? 0) + more;
    return { ...campaign, inForce: { ...campaign.inForce, sent } };
  });
  return last;
}

import { createReadStream } from "node:fs";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";
import { UserError } from "../../errors/user-error.ts";
import { writeWhole } from "../../platform/files.ts";
import { canonicalJson } from "../../platform/journal/canonical-json.ts";
import { periodsOf } from "../../policy/caps.ts";
import type { PastSend, Pause } from "../../policy/decision.ts";
import { type LoadedPolicy, parsePolicy } from "../../policy/load-policy.ts";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { campaignInputs, readCampaigns } from "../campaign-inputs.ts";
import { type Campaign, decideTogether, type Made, type SentTo } from "../decide-together.ts";
import { inputsAsOf, type Place } from "../decision-inputs.ts";
import { decisionRow } from "../decision-row.ts";
import { type Heard, withHeard } from "../heard.ts";
import { type Lineup, type LoadedModels, loadModels } from "../models-in-force.ts";
import { personOf } from "../person.ts";
import { readHeard } from "./read-heard.ts";
import { readPeople, readSent } from "./read-people.ts";
import { readTriggers } from "./read-triggers.ts";
import { type Summary, SummaryCounter } from "./summary.ts";

export interface BatchRequest {
  /** Most important last or first does not matter: policies have priorities. */
  readonly campaigns: readonly { readonly campaign_id: string; readonly policy: LoadedPolicy; readonly text: string }[];
  /** Names the mailing: the same campaign, occasion and person is decided once. */
  readonly occasion: string;
  readonly now: number;
  readonly lineup: Lineup;
}

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

const namedModel = z.strictObject({ version: z.string(), digest: z.string(), artefact: z.string() });
/** What a run was begun with: whoever resumes it goes on with the very same, whatever was released since. */
const runShape = z.strictObject({
  schema: z.literal("1"),
  occasion: z.string(),
  now: z.number(),
  lineup: z.strictObject({
    champion: namedModel.nullable(),
    canary: namedModel.extend({ share: z.number() }).nullable(),
    shadow: namedModel.nullable(),
  }),
  campaigns: z.array(
    z.strictObject({ campaign_id: z.string(), text: z.string(), file: z.string(), digest: z.string() }),
  ),
});
type Run = z.infer<typeof runShape>;

export interface BatchResult {
  readonly run: string;
  readonly state: "decided" | "resumed" | "already-decided" | "dry-run";
  readonly summary: Summary;
}

/** The folder of a run: one for a set of campaigns and an occasion. */
const runName = (request: BatchRequest): string =>
  `${request.campaigns
    .map(({ campaign_id }) => campaign_id)
    .sort()
    .join("+")}@${request.occasion}`.replace(/[^A-Za-z0-9._+@-]/g, "_");

/**
 * Decides for an audience in one pass, in order of the people's ids, a page at a time. Each page is a file of decisions that is there
 * whole or not at all, and is given to `land`, which takes it through the door; what lands twice is known by its content. A run that
 * was killed goes on behind its last page with the policies, models and time that it was begun with.
 */
export async function decideAudience(
  env: BatchEnv,
  request: BatchRequest,
  land: (pages: AsyncIterable<string>) => Promise<void>,
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
    for await (const made of decisions(env, batch, fromTheStart)) count(counter, batch, made);
  } finally {
    batch.models.close();
  }
  return { run: runName(request), state: "dry-run", summary: counter.read() };
}

const runOf = ({ occasion, now, lineup, campaigns }: BatchRequest): Run => ({
  schema: "1",
  occasion,
  now,
  lineup,
  campaigns: campaigns.map(({ campaign_id, policy, text }) => ({
    campaign_id,
    text,
    file: policy.file,
    digest: policy.digest,
  })),
});

async function beginRun(folder: string, request: BatchRequest): Promise<Run> {
  const path = join(folder, "run.json");
  const there = await readJson(path);
  if (there === undefined) {
    const run = runOf(request);
    await mkdir(folder, { recursive: true });
    await writeWhole(path, `${JSON.stringify(run, null, 2)}\n`);
    return run;
  }
  const parsed = runShape.safeParse(there);
  if (!parsed.success)
    throw new UserError("the run that was begun cannot be read", {
      code: "decide.run",
      exit: "config",
      where: path,
      next: "remove the folder, and decide under another --occasion",
    });
  const wanted = (campaigns: Run["campaigns"]) =>
    canonicalJson(campaigns.map(({ campaign_id, digest }) => [campaign_id, digest]).sort());
  if (wanted(parsed.data.campaigns) !== wanted(runOf(request).campaigns))
    throw new UserError(`"${request.occasion}" was begun with another policy`, {
      code: "decide.policy-changed",
      exit: "check",
      where: path,
      next: "inboxloop decide --occasion <another name>",
    });
  return parsed.data;
}

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

/** Where a run goes on: behind somebody, to whom so much was sent by it. */
interface Behind {
  readonly place: Place | null;
  readonly sent: SentTo | undefined;
}
const fromTheStart: Behind = { place: null, sent: undefined };

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
          { policy: policy.name, but: run.campaigns.map((one) => requestOf(one.campaign_id, occasion)) },
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

async function* decisions(env: BatchEnv, batch: OpenBatch, { place, sent }: Behind): AsyncIterable<readonly Made[]> {
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
    const { made, campaigns, last } = decideTogether(
      people.map((person) => withHeard(person, heardOf, batch.run.now)),
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
    env.onProgress?.(decided);
    yield made;
    if (people.length < env.pageRows) return;
  }
}

async function* pagesOf(
  env: BatchEnv,
  folder: string,
  batch: OpenBatch,
  counter: SummaryCounter,
): AsyncIterable<string> {
  const there = await pageFiles(folder);
  let last: string | undefined;
  for (const page of there) {
    last = (await recount(join(folder, page), batch, counter)) ?? last;
    yield join(folder, page);
  }
  const behind = last === undefined ? fromTheStart : await placeOf(env, folder, there, last);
  let number = there.length;
  for await (const made of decisions(env, batch, behind)) {
    count(counter, batch, made);
    const path = join(folder, `page-${String(number++).padStart(6, "0")}.ndjson`);
    await writeWhole(
      path,
      made.map(({ decision, notes }) => `${JSON.stringify(decisionRow(decision, notes))}\n`).join(""),
    );
    env.fault?.("batch-page");
    yield path;
  }
}

function count(counter: SummaryCounter, batch: OpenBatch, made: readonly Made[]): void {
  for (const { decision } of made) counter.add(decision, policyOf(batch, decision.campaign_id));
}

const policyOf = (batch: OpenBatch, campaignId: string) =>
  batch.campaigns.find(({ campaign_id }) => campaign_id === campaignId)!.inForce.policy;

const pageFiles = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder)).filter((file) => /^page-\d{6}\.ndjson$/.test(file)).sort();

const pageLine = z.object({
  user_id_hash: z.string(),
  campaign_id: z.string(),
  arm: z.string().nullable(),
  attributes: z.object({
    action: z.enum(["send", "suppress"]),
    variant: z.string().nullable(),
    rung: z.enum(["model", "rule", "category", "suppress"]),
    reason: z.string(),
    is_exploration: z.boolean(),
    is_holdout: z.boolean(),
    campaign_kind: z.string(),
    send_at: z.string().nullable(),
  }),
});

const linesOf = (path: string) =>
  createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });

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
  const sends: PastSend[] = [];
  if (other_ids.length > 0) {
    const ids = new Set([user_id_hash, ...other_ids]);
    for (const page of pages)
      for await (const line of linesOf(join(folder, page))) {
        const { user_id_hash: of, campaign_id, attributes } = pageLine.parse(JSON.parse(line));
        if (attributes.action === "send" && attributes.send_at !== null && ids.has(of))
          sends.push({ at: Date.parse(attributes.send_at), kind: attributes.campaign_kind, campaign_id });
      }
  }
  return { place: { person_id, user_id_hash }, sent: { person_id, sends } };
}

/** Counts a page that an earlier run has written, towards the summary and the global caps. Gives its last person. */
async function recount(path: string, batch: OpenBatch, counter: SummaryCounter): Promise<string | undefined> {
  let last: string | undefined;
  const periods = Object.values(periodsOf(batch.run.now));
  const sends = new Map<string, number>();
  for await (const line of linesOf(path)) {
    const { user_id_hash, campaign_id, arm, attributes } = pageLine.parse(JSON.parse(line));
    last = user_id_hash;
    counter.add({ ...attributes, arm, is_hold_out: attributes.is_holdout }, policyOf(batch, campaign_id));
    if (attributes.action === "send") sends.set(campaign_id, (sends.get(campaign_id) ?? 0) + 1);
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

async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  return text === undefined ? undefined : JSON.parse(text);
}

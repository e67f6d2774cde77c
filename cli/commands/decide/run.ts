import { join } from "node:path";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import { type FileInput, fileInput } from "../../../ingest/files/file.ts";
import { ingestFiles } from "../../../ingest/ingest-files.ts";
import type { Pause } from "../../../policy/decision.ts";
import { pausesOf } from "../../../release/changes.ts";
import { releaseStatus } from "../../../release/release.ts";
import type { BatchRequest } from "../../../serve/batch/begun-run.ts";
import { type BatchResult, decideAudience, type Page, rehearseAudience } from "../../../serve/batch/decide-audience.ts";
import { landedDecisions } from "../../../serve/batch/landed-decisions.ts";
import { lineupOf } from "../../../serve/models-in-force.ts";
import { decisionKey } from "../../decision-key.ts";
import type { Environment } from "../../environment.ts";
import { campaignsOf, readPolicies } from "../../policies.ts";
import { refuseUnapprovedPolicies } from "../../running-things.ts";
import { ingestContext } from "../ingest/context.ts";

export interface DecideRequest {
  readonly campaign: readonly string[];
  readonly policies: string;
  readonly occasion?: string;
  readonly pageRows: number;
  readonly dryRun?: boolean;
}

/** `inboxloop decide`. */
export async function decideCommand(world: Environment, options: DecideRequest): Promise<BatchResult> {
  const campaigns = campaignsOf(options.campaign, await readPolicies(world, options.policies));
  await refuseUnapprovedPolicies(world, "decide", campaigns);
  const now = world.now();
  const { state } = await releaseStatus(world.releaseLog);
  return decideBatch(
    world,
    {
      campaigns,
      // A mailing is one of a day; events are answered as often as somebody looks.
      occasion:
        options.occasion ??
        now.toISOString().slice(0, campaigns.some(({ policy }) => policy.policy.trigger.on === "event") ? 19 : 10),
      now: now.getTime(),
      lineup: lineupOf(state),
      pauses: pausesOf(state),
    },
    { ...options, trustReceivedAt: false },
  );
}

/** Decides for an audience as the request says, and takes the decisions through the door; with `dryRun` it only counts them. */
export async function decideBatch(
  world: Environment,
  { pauses, ...request }: BatchRequest & { readonly pauses: readonly Pause[] },
  options: {
    readonly pageRows: number;
    readonly dryRun?: boolean | undefined;
    /** Decisions were received when they were made: for a simulation that lives in its own time. */
    readonly trustReceivedAt: boolean;
    /** Of the warehouse, as its target understands it. */
    readonly memoryLimit?: string;
  },
): Promise<BatchResult> {
  const progress = world.console.progress("decide");
  const context = ingestContext(world, { trustReceivedAt: options.trustReceivedAt });
  const { memoryLimit } = options;
  const warehouse = await world.target.openWarehouse(memoryLimit === undefined ? {} : { memoryLimit });
  try {
    const env = {
      warehouse,
      models: await world.target.models.refresh(),
      runs: join(world.home.root, "decisions"),
      key: decisionKey(world),
      pauses,
      pageRows: options.pageRows,
      signal: world.signal,
      onProgress: (done: number) => progress.update(done, undefined, "decisions"),
      fault: context.fault,
    };
    const result =
      options.dryRun === true
        ? await rehearseAudience(env, request)
        : await decideAudience(env, request, async (pages) => {
            const there = landedDecisions(warehouse, world.signal);
            const landing = { ...context, ownMaking: there };
            // (In segments a batch lands whole, with its line of the ledger.)
            const ask = context.bigQuery === undefined ? undefined : there.ask;
            await ingestFiles(inputsOf(pages, context.keys.ids.active, ask), landing, world.signal);
          });
    progress.done(`${result.summary.decisions} decisions`);
    return result;
  } finally {
    await warehouse.close();
  }
}

async function* inputsOf(
  pages: AsyncIterable<Page>,
  key: Parameters<typeof createIdHasher>[0],
  ask: ((page: string) => Promise<void>) | undefined,
): AsyncIterable<FileInput> {
  const hashId = createIdHasher(key);
  for await (const { path, isOfEarlierRun } of pages) {
    const input = await fileInput(path, { hashId });
    yield isOfEarlierRun && ask ? { ...input, prepare: () => ask(path) } : input;
  }
}

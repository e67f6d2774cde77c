import { dirname, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openAddressBook } from "../../../activation/addresses.ts";
import { type HandOverEnv, type HandOverResult, handOver } from "../../../activation/hand-over.ts";
import type { DecidedSend } from "../../../activation/mail.ts";
import { hasOutbox, openOutbox } from "../../../activation/outbox.ts";
import { openReceiver } from "../../../activation/receivers/open.ts";
import { type Rehearsal, rehearseHandOver } from "../../../activation/rehearse.ts";
import { type ReceiverSettings, readActivation, receiverNamed, templateOf } from "../../../activation/settings.ts";
import { oneClickToken } from "../../../ingest/collector/one-click.ts";
import { createIdsOf } from "../../../ingest/door/id-hasher.ts";
import { cloudFiles } from "../../../platform/artefacts/object-store.ts";
import { withLock } from "../../../platform/journal/lock.ts";
import { pausesOf } from "../../../release/changes.ts";
import { releaseStatus } from "../../../release/release.ts";
import { refuseForbiddenUses } from "../../data-policy.ts";
import { decisionKey } from "../../decision-key.ts";
import type { Environment } from "../../environment.ts";
import { readPolicies } from "../../policies.ts";
import { ingestContext } from "../ingest/context.ts";
import { landQueue } from "../serve/land-queue.ts";
import { outboxOf } from "./outbox-folder.ts";

export interface ActivateRequest {
  readonly campaign: readonly string[];
  readonly to: string;
  readonly settings: string;
  readonly policies: string;
  readonly limit?: number;
  readonly again?: boolean;
  readonly dryRun?: boolean;
}

/** `inboxloop activate`. */
export async function activateCommand(
  world: Environment,
  options: ActivateRequest,
): Promise<HandOverResult | Rehearsal> {
  await refuseForbiddenUses(world, "activate", {}, { policies: options.policies, purposes: ["activation"] });
  const file = resolve(world.cwd, options.settings);
  const settings = await readActivation(file);
  const to = receiverNamed(settings, options.to, file);
  const context = ingestContext(world, { trustReceivedAt: false });
  const path = (stated: string) => resolve(dirname(file), stated);
  const now = () => world.now().getTime();
  const pause = (ms: number) => sleep(ms, undefined, { signal: world.signal }).catch(() => undefined);
  const emulator = world.settings["STORAGE_EMULATOR_HOST"];
  const policies = new Map([...(await readPolicies(world, options.policies))].map(([name, one]) => [name, one.policy]));
  const addresses = openAddressBook(settings.addresses, {
    idsOf: createIdsOf(context.keys.ids),
    env: world.settings,
    path,
    sleep: pause,
  });
  const receiver = await openReceiver(options.to, to, {
    env: world.settings,
    now,
    home: world.home.root,
    path,
    cloudFiles: () => cloudFiles(emulator ? { apiEndpoint: emulator } : {}),
  });
  const base = settings.unsubscribe_base?.replace(/\/+$/, "");
  const env = {
    openWarehouse: () => world.target.openWarehouse(),
    receiver,
    templateOf: templatesOf(to),
    addresses,
    policies,
    key: decisionKey(world),
    pauses: async () => pausesOf((await releaseStatus(world.releaseLog)).state),
    unsubscribeUrl: ({ user_id_hash, message_id, campaign_id }: DecidedSend) =>
      base === undefined
        ? null
        : `${base}/unsubscribe/${oneClickToken({ userIdHash: user_id_hash, messageId: message_id, campaignId: campaign_id }, context.keys.ids.active)}`,
    pageRows: pageRowsOf(to),
    now,
    sleep: pause,
    signal: world.signal,
  };
  const request = {
    campaigns: options.campaign,
    expireHours: settings.expire_hours,
    limit: options.limit ?? null,
    again: options.again === true,
  };
  const folder = outboxOf(world.home);
  try {
    if (options.dryRun === true) {
      const outbox = hasOutbox(folder) ? openOutbox(folder) : null;
      try {
        return await rehearseHandOver({ ...env, outbox }, request);
      } finally {
        await outbox?.close();
      }
    }
    return await withLock(
      `${folder}.lock`,
      { pid: process.pid, sleep: (ms) => sleep(ms), patienceMs: 1_000, what: "this outbox", code: "activation.locked" },
      () => run(world, context, env, to, request),
    );
  } finally {
    receiver.close();
  }
}

async function run(
  world: Environment,
  context: ReturnType<typeof ingestContext>,
  env: Omit<HandOverEnv, "outbox" | "land" | "limits" | "perSecond" | "random">,
  to: ReceiverSettings,
  request: Parameters<typeof handOver>[1],
): Promise<HandOverResult> {
  const outbox = openOutbox(outboxOf(world.home));
  const progress = world.console.progress("activate");
  try {
    const result = await handOver(
      {
        ...env,
        outbox,
        land: () => landQueue(context, { ...outbox, name: "outbox" }, () => true, world.signal),
        limits: limitsOf(to),
        perSecond: to.kind === "file" ? 1_000 : to.rate_per_second,
        random: Math.random,
        onProgress: (handedOver) => progress.update(handedOver, undefined, "mails"),
        fault: context.fault,
      },
      request,
    );
    progress.done(`${result.counts.handed_over ?? 0} mails handed over`);
    return result;
  } finally {
    await outbox.close();
  }
}

/** A page is what goes out in a minute, so that whoever is in it was checked about as long ago. */
const pageRowsOf = (to: ReceiverSettings): number =>
  to.kind === "file" ? to.rows : Math.min(5_000, Math.max(100, Math.round(to.rate_per_second * 60)));

const limitsOf = (to: ReceiverSettings): HandOverEnv["limits"] =>
  to.kind === "file"
    ? {
        concurrency: 1,
        attempts: to.attempts,
        firstWait: 1_000,
        longestWait: 60_000,
        stopAfter: 1,
        sendsAgainInDoubt: true,
      }
    : {
        concurrency: to.concurrency,
        attempts: to.attempts,
        firstWait: to.first_wait_seconds * 1000,
        longestWait: to.longest_wait_seconds * 1000,
        stopAfter: to.stop_after,
        sendsAgainInDoubt: to.kind === "webhook" || to.when_in_doubt === "send_again",
      };

const templatesOf =
  (to: ReceiverSettings): HandOverEnv["templateOf"] =>
  (campaignId, variant) =>
    templateOf(to.templates, campaignId, variant) ?? (to.templates === undefined ? null : undefined);

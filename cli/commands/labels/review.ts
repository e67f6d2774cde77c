import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Evidence, evidenceOf, type QueuedMessage, reviewQueue } from "../../../console/labels/review-queue.ts";
import { messagesIn, type ReviewProgress, ReviewSession } from "../../../console/labels/review-session.ts";
import { UserError } from "../../../errors/user-error.ts";
import { withLock } from "../../../platform/journal/lock.ts";
import { namesAddress } from "../../../platform/spellings.ts";
import type { Environment } from "../../environment.ts";
import { ingestContext } from "../ingest/context.ts";
import { landLabels } from "./land-labels.ts";

export interface ReviewOptions {
  readonly by: string;
  readonly limit: number;
  readonly random: number;
  readonly second: number;
  readonly page?: boolean;
  readonly port: number;
}

export interface Reviewed extends ReviewProgress {
  readonly reviewer: string;
  /** Labels that landed, those of earlier sessions that had not among them. */
  readonly landed: number;
}

/** How a person goes through a session: on the page or on the terminal. Ends when the person is done or the signal says so. */
export type Review = (
  session: ReviewSession,
  evidence: ReadonlyMap<string, Evidence>,
  world: Environment,
  options: ReviewOptions,
) => Promise<void>;

/** `inboxloop labels review`: puts messages before a person, and lands what the person says once the session is over. */
export async function reviewCommand(world: Environment, options: ReviewOptions, review: Review): Promise<Reviewed> {
  refuseReviewer(options.by);
  if (options.random + options.second > 1)
    throw new UserError(`--random ${options.random} and --second ${options.second} are more than all`, {
      code: "labels.shares",
      exit: "usage",
      next: "inboxloop labels review --by you --random 0.2 --second 0.1",
    });
  const folder = join(world.home.state, "reviews", createHash("sha256").update(options.by).digest("hex").slice(0, 16));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const lock = { pid: process.pid, sleep: (ms: number) => sleep(ms), patienceMs: 0, what: `${options.by}'s review` };
  return withLock(join(folder, "lock"), { ...lock, code: "labels.locked" }, async () => {
    let landed = await landOver(world, folder, options.by);
    const open = (await readdir(folder)).find((name) => name.endsWith(openEnding));
    const path = join(folder, open ?? `${randomBytes(8).toString("hex")}${openEnding}`);
    const { queue, evidence } = await read(world, options, open === undefined ? [] : messagesIn(path));
    const session = ReviewSession.open(path, queue, world.now);
    let progress: ReviewProgress;
    try {
      if (open !== undefined)
        world.console.note(
          `going on where you were: ${session.progress.labelled} labelled, ${session.progress.skipped} skipped`,
        );
      await review(session, evidence, world, options);
    } finally {
      progress = session.progress;
      session.close();
    }
    await rename(path, path.slice(0, -openEnding.length) + overEnding);
    landed += await landOver(world, folder, options.by);
    return { reviewer: options.by, ...progress, landed };
  });
}

const openEnding = ".open.ndjson";
const overEnding = ".over.ndjson";

/** Lands the sessions that are over. One that was killed in between goes on; the ledger knows how far it was. */
async function landOver(world: Environment, folder: string, reviewer: string): Promise<number> {
  let landed = 0;
  for (const name of (await readdir(folder)).filter((one) => one.endsWith(overEnding)).sort()) {
    // What was said is to land though the person has pressed Ctrl-C.
    const totals = await landLabels(
      ingestContext(world, { trustReceivedAt: false }),
      join(folder, name),
      reviewer,
      new AbortController().signal,
    );
    landed += totals.landed;
    if (totals.dead_letter > 0)
      world.console.warn(`${totals.dead_letter} labels were refused at the door: inboxloop ingest verify`);
  }
  return landed;
}

/** Reads all that the session needs at once, so that nobody waits for the warehouse and the warehouse waits for nobody. */
async function read(
  world: Environment,
  options: ReviewOptions,
  before: readonly QueuedMessage[],
): Promise<{ readonly queue: readonly QueuedMessage[]; readonly evidence: ReadonlyMap<string, Evidence> }> {
  const warehouse = await world.target.openWarehouse();
  try {
    if ((await warehouse.columns("labels.review_queue")) === undefined)
      throw new UserError("there is no labels.review_queue yet", {
        code: "labels.not-built",
        exit: "config",
        next: "inboxloop build",
      });
    const queue = await reviewQueue(
      warehouse,
      { reviewer: options.by, rows: options.limit, randomShare: options.random, secondShare: options.second },
      world.signal,
    );
    const ids = [...new Set([...before, ...queue].map(({ message_id }) => message_id))];
    return { queue, evidence: await evidenceOf(warehouse, ids, world.signal) };
  } finally {
    await warehouse.close();
  }
}

function refuseReviewer(name: string): void {
  if (/^[\p{L}\p{N}][\p{L}\p{N}._-]{0,63}$/u.test(name) && !namesAddress(name)) return;
  throw new UserError(`"${name}" cannot stand for a reviewer: take letters, digits, dots and dashes, no address`, {
    code: "labels.reviewer",
    exit: "usage",
    next: "inboxloop labels review --by ann",
  });
}

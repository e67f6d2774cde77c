import { join } from "node:path";
import { UserError } from "../errors/user-error.ts";
import { round } from "./arithmetic.ts";
import type { Campaign } from "./campaigns.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, worldEnd } from "./config.ts";
import { announce } from "./history.ts";
import { Journey } from "./journey.ts";
import { LineFiles, type WrittenFile } from "./line-files.ts";
import { categories, providers } from "./places.ts";
import { Random } from "./random.ts";
import { asciiJson, IdMaker, isoTime } from "./record-text.ts";
import { emptyPropensity, propensity } from "./response.ts";
import { Shop } from "./shop.ts";
import type { Sink } from "./sink.ts";
import { emptyCounts, Transport } from "./transport.ts";
import { variantIndex, variants } from "./treatments.ts";
import { TruthFiles, writeJson } from "./truth-files.ts";
import { mayMail, type State, type World } from "./world.ts";
import { clearFolder, type Stream, streamFiles } from "./write-world.ts";

/** The mark by which a folder is known as ours, to be written over. */
const CANARY_FILE = "canary.json";

/** What a policy decided for one customer: a variant to send, or nothing. */
export interface Assignment {
  /** Raw address; or its pseudonym, when `CanaryOptions.pseudonymise` is given. */
  readonly userId: string;
  readonly arm: string;
  /** A name of `variants`, or `suppress`. */
  readonly variant: string;
  readonly modelVersion: string;
  /** The candidate's planned share of people, for the decision's attributes. */
  readonly share?: number | undefined;
  /** Epoch ms of the send, not before the canary begins. Without it, see `CanaryOptions.daysBetween`. */
  readonly sentAt?: number | undefined;
}

export interface CanaryOptions {
  readonly world: World;
  /** The state at the end of the world's period (`runHistory`); it is not changed. */
  readonly state: State;
  readonly assignments: Iterable<Assignment> | AsyncIterable<Assignment>;
  /**
   * Assignments come mail by mail: everybody's first, then everybody's second, and so on, none with a time of its own. What has
   * arrived when a mail begins is then written before it is thought of, so that files are whole early.
   */
  readonly isByMail?: boolean;
  /** Folder for `events-*.ndjson` and `truth/`. */
  readonly dir: string;
  /** Tells canaries of one world apart: other ids, other luck. */
  readonly label?: string;
  /** `attributes.release_id` of the decisions, by which monitoring.canary gathers them; the label by default. */
  readonly release?: string;
  /** Epoch ms of the first day; the end of the world's period by default. */
  readonly startsAt?: number;
  /** A customer's n-th assignment goes out so many days after the one before, between 6 and 20 h UTC; 2 by default. */
  readonly daysBetween?: number;
  /** See `World.complaintFactor`; for a canary that has to see complaints sooner than the default world has them. */
  readonly complaintFactor?: number | undefined;
  /** See `World.orderFactor`. */
  readonly orderFactor?: number | undefined;
  /** When given, `Assignment.userId` holds its results. */
  readonly pseudonymise?: (address: string) => string;
  /** Called with each file of the stream as soon as it is whole. */
  readonly onFile?: (file: WrittenFile) => void;
  readonly signal?: AbortSignal;
}

/** What an arm did, by the truth. `complaints` were felt; `reportedComplaints` are those that a feedback loop tells of. */
export interface ArmOutcome {
  assigned: number;
  suppressed: number;
  /** Assigned, but no longer to be mailed: unsubscribed, bounced, consent withdrawn. */
  refused: number;
  sent: number;
  expectedComplaints: number;
  expectedReportedComplaints: number;
  expectedUnsubscribes: number;
  expectedConversions: number;
}

export interface CanaryResult {
  readonly label: string;
  readonly from: string;
  readonly stream: Stream;
  readonly arms: Readonly<Record<string, ArmOutcome>>;
}

/**
 * Carries a policy's decisions out in the world: writes the events and `raw.decisions` rows that these sends cause, in
 * order of arrival. Luck belongs to the customer and the occasion, so two policies that decide alike for somebody see the
 * same happen. Throws a `UserError` on an unknown customer or variant.
 */
export async function simulateCanary(options: CanaryOptions): Promise<CanaryResult> {
  const world = { ...options.world, complaintFactor: options.complaintFactor, orderFactor: options.orderFactor };
  const { config, customers } = world;
  const label = options.label ?? "canary";
  if (!/^[A-Za-z0-9._-]{1,60}$/.test(label)) {
    throw new UserError(`the label "${label}" has more than letters, digits, dot, dash and underscore`, {
      code: "simulate.label",
      exit: "usage",
    });
  }
  const release = asciiJson(options.release ?? label);
  const startsAt = options.startsAt ?? worldEnd(config);
  const daysBetween = options.daysBetween ?? 2;
  const state = copyState(options.state);
  const truthDir = join(options.dir, "truth");
  clearFolder(options.dir, CANARY_FILE);
  const truth = new TruthFiles(truthDir);
  writeJson(truthDir, CANARY_FILE, { config, label, startsAt: isoTime(startsAt), daysBetween });
  const transport = new Transport({ config, customers, label, startsAt, truth });
  const saltRandom = new Random(config.seed, "ids", label);
  const ids = new IdMaker(saltRandom.next(), saltRandom.next());
  const shop = new Shop(world, transport, ids, () => {});
  const journey = new Journey({ world, state, sink: transport, ids, shop });
  const naming = options.pseudonymise ?? ((address: string) => address);
  const indexOf = new Map(customers.addresses.map((address, u) => [naming(address), u]));
  const occasions = new Map<string, number>();
  const campaigns: Campaign[] = [];
  const arms: Record<string, ArmOutcome> = {};
  const odds = emptyPropensity();
  let decisions = 0;

  const writer = new LineFiles(options.dir, "events", { ...streamFiles, onFile: options.onFile });
  const counts = emptyCounts();
  let day = 0;
  const drainUntil = (end: number) => {
    for (; day < end; day++) transport.drainDay(day, writer, counts);
  };

  for await (const assignment of options.assignments) {
    options.signal?.throwIfAborted();
    const u = indexOf.get(assignment.userId);
    if (u === undefined) throw unknown("customer", assignment.userId, decisions);
    const isSuppressed = assignment.variant === "suppress";
    const variant = isSuppressed ? 0 : variantIndex(assignment.variant);
    if (variant < 0) throw unknown("variant", assignment.variant, decisions);
    const occasion = occasions.get(assignment.userId) ?? 0;
    occasions.set(assignment.userId, occasion + 1);
    if (options.isByMail) {
      if (occasion + 1 < campaigns.length || assignment.sentAt !== undefined)
        throw new Error(`assignment ${decisions + 1} does not come mail by mail`);
      drainUntil(occasion * daysBetween);
    }
    const campaign = campaignOf(world, campaigns, occasion, label, startsAt, daysBetween, transport);
    const random = new Random(config.seed, label, u, occasion);
    const luckOfTime = random.below(14 * HOUR_MS);
    const at = assignment.sentAt ?? startsAt + occasion * daysBetween * DAY_MS + 6 * HOUR_MS + luckOfTime;
    if (!(at >= startsAt)) {
      throw new UserError(`assignment ${decisions + 1} is sent before the canary begins`, {
        code: "simulate.too-early",
        exit: "usage",
        where: `assignment ${decisions + 1}`,
        next: `sent_at is ${isoTime(startsAt)} or later`,
      });
    }
    arms[assignment.arm] ??= emptyArm();
    const arm = arms[assignment.arm]!;
    arm.assigned++;
    let messageId = "";
    let action = assignment.variant;
    if (isSuppressed) arm.suppressed++;
    else if (!mayMail(world, state, u, at)) {
      arm.refused++;
      action = "not-mailable";
    } else {
      arm.sent++;
      propensity(world, state, u, campaign, variant, at, 1, odds);
      const inbox = 1 - odds.spam;
      arm.expectedComplaints += inbox * odds.complaint;
      if (providers[customers.provider[u]!]!.reportsComplaints)
        arm.expectedReportedComplaints += inbox * odds.complaint;
      arm.expectedUnsubscribes += inbox * odds.unsubscribe;
      arm.expectedConversions += inbox * odds.read * odds.click * odds.conversion;
      messageId = journey.deliver(u, campaign, variant, at, 1, random, assignment.arm);
    }
    transport.row(
      "decisions",
      `"decision_id":"d-${label}-${decisions++}","user_id":"${customers.addresses[u]!}",${messageId ? `"message_id":"${messageId}",` : ""}"campaign_id":"${campaign.campaignId}","arm":${asciiJson(assignment.arm)},"model_version":${asciiJson(assignment.modelVersion)},"decided_at":"${isoTime(at - MINUTE_MS)}","attributes":{"release_id":${release},"action":"${action}"${assignment.share === undefined ? "" : `,"canary_share":${assignment.share}`}}`,
      at - MINUTE_MS,
    );
  }

  while (day <= transport.lastDay()) drainUntil(day + 1);
  const files = writer.close();
  truth.close();
  for (const arm of Object.values(arms)) {
    arm.expectedComplaints = round(arm.expectedComplaints, 4);
    arm.expectedReportedComplaints = round(arm.expectedReportedComplaints, 4);
    arm.expectedUnsubscribes = round(arm.expectedUnsubscribes, 4);
    arm.expectedConversions = round(arm.expectedConversions, 4);
  }
  const result: CanaryResult = { label, from: isoTime(startsAt), stream: { files, counts }, arms };
  writeJson(truthDir, "counts.json", result);
  return result;
}

const unknown = (what: string, value: string, index: number): UserError =>
  new UserError(`assignment ${index + 1} names the ${what} "${value}", which this world does not have`, {
    code: `simulate.unknown-${what}`,
    exit: "usage",
    where: `assignment ${index + 1}`,
    next:
      what === "variant"
        ? `variants are suppress, ${variants.map((v) => v.variant).join(", ")}`
        : "inboxloop simulate canary --help",
  });

/** The mail of the n-th occasion: one about each category in turn. */
function campaignOf(
  world: World,
  made: Campaign[],
  occasion: number,
  label: string,
  startsAt: number,
  daysBetween: number,
  sink: Sink,
): Campaign {
  while (made.length <= occasion) {
    const n = made.length;
    const like = world.campaigns.find((c) => c.kind === "bulk")!;
    const campaign: Campaign = {
      ...like,
      campaignId: `${label}-${n + 1}`,
      name: `${label} ${n + 1}: ${categories[n % categories.length]!}`,
      topic: n % categories.length,
      variants: variants.map((_, v) => v),
      audience: "everybody",
      holdOut: 0,
      day: world.config.days + n * daysBetween,
      startsAt: startsAt + n * daysBetween * DAY_MS + 5 * HOUR_MS,
    };
    announce(sink, campaign, campaign.startsAt);
    made.push(campaign);
  }
  return made[occasion]!;
}

const emptyArm = (): ArmOutcome => ({
  assigned: 0,
  suppressed: 0,
  refused: 0,
  sent: 0,
  expectedComplaints: 0,
  expectedReportedComplaints: 0,
  expectedUnsubscribes: 0,
  expectedConversions: 0,
});

const copyState = (state: State): State => ({
  fatigue: state.fatigue.slice(),
  fatigueAt: state.fatigueAt.slice(),
  mood: state.mood.slice(),
  unsubscribedAt: state.unsubscribedAt.slice(),
  complainedAt: state.complainedAt.slice(),
  suppressedAt: state.suppressedAt.slice(),
});

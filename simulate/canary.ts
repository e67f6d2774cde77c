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
  /** The id that the mail goes out under. Whoever names it has logged the decision as well: none is written here. */
  readonly messageId?: string | undefined;
}

export interface CanaryRunOptions {
  readonly world: World;
  /** The state when the canary begins; it is not changed. */
  readonly state: State;
  /** Folder for `events-*.ndjson` and `truth/`. */
  readonly dir: string;
  /** Tells canaries of one world apart: other ids, other luck. */
  readonly label?: string;
  /** `attributes.release_id` of the decisions, by which monitoring.canary gathers them; the label by default. */
  readonly release?: string;
  /** Epoch ms of the first day; the end of the world's period by default. */
  readonly startsAt?: number;
  /** Days between two mails; 2 by default. A mail without a time of its own goes out between 6 and 20 h UTC. */
  readonly daysBetween?: number;
  /** See `World.complaintFactor`; for a canary that has to see complaints sooner than the default world has them. */
  readonly complaintFactor?: number | undefined;
  /** See `World.orderFactor`. */
  readonly orderFactor?: number | undefined;
  /** When given, `Assignment.userId` holds its results. */
  readonly pseudonymise?: (address: string) => string;
  /** Called with each file of the stream as soon as it is whole. */
  readonly onFile?: (file: WrittenFile) => void;
}

export interface CanaryOptions extends CanaryRunOptions {
  readonly assignments: Iterable<Assignment> | AsyncIterable<Assignment>;
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
  const run = new CanaryRun(options);
  const occasions = new Map<string, number>();
  for await (const assignment of options.assignments) {
    options.signal?.throwIfAborted();
    const occasion = occasions.get(assignment.userId) ?? 0;
    occasions.set(assignment.userId, occasion + 1);
    run.carryOut(assignment, occasion);
  }
  return run.end();
}

/** A canary in the world that is told of its mails one after the other, as they are decided. */
export class CanaryRun {
  /** As it has become. */
  readonly state: State;
  readonly #options: CanaryRunOptions;
  readonly #world: World;
  readonly #label: string;
  readonly #release: string;
  readonly #startsAt: number;
  readonly #daysBetween: number;
  readonly #truth: TruthFiles;
  readonly #transport: Transport;
  readonly #journey: Journey;
  readonly #indexOf: ReadonlyMap<string, number>;
  readonly #writer: LineFiles;
  readonly #counts = emptyCounts();
  readonly #campaigns: Campaign[] = [];
  readonly #arms: Record<string, ArmOutcome> = {};
  readonly #odds = emptyPropensity();
  #assignments = 0;
  #decisions = 0;
  #day = 0;

  constructor(options: CanaryRunOptions) {
    const { config, customers } = options.world;
    const label = options.label ?? "canary";
    if (!/^[A-Za-z0-9._-]{1,60}$/.test(label)) {
      throw new UserError(`the label "${label}" has more than letters, digits, dot, dash and underscore`, {
        code: "simulate.label",
        exit: "usage",
      });
    }
    this.#options = options;
    this.#world = { ...options.world, complaintFactor: options.complaintFactor, orderFactor: options.orderFactor };
    this.#label = label;
    this.#release = asciiJson(options.release ?? label);
    this.#startsAt = options.startsAt ?? worldEnd(config);
    this.#daysBetween = options.daysBetween ?? 2;
    this.state = copyState(options.state);
    const truthDir = join(options.dir, "truth");
    clearFolder(options.dir, CANARY_FILE);
    this.#truth = new TruthFiles(truthDir);
    const startsAt = isoTime(this.#startsAt);
    writeJson(truthDir, CANARY_FILE, { config, label, startsAt, daysBetween: this.#daysBetween });
    this.#transport = new Transport({ config, customers, label, startsAt: this.#startsAt, truth: this.#truth });
    const saltRandom = new Random(config.seed, "ids", label);
    const ids = new IdMaker(saltRandom.next(), saltRandom.next());
    const shop = new Shop(this.#world, this.#transport, ids, () => {});
    this.#journey = new Journey({ world: this.#world, state: this.state, sink: this.#transport, ids, shop });
    const naming = options.pseudonymise ?? ((address: string) => address);
    this.#indexOf = new Map(customers.addresses.map((address, u) => [naming(address), u]));
    this.#writer = new LineFiles(options.dir, "events", { ...streamFiles, onFile: options.onFile });
  }

  /** Tells, on one day of the canary (0 is its first), of the campaigns of the next mails, which go out on the `days`. Gives their ids. */
  announce(days: readonly number[], toldOn: number): readonly string[] {
    const from = this.#campaigns.length;
    for (const day of days) this.#nextCampaign(day, toldOn);
    return this.#campaigns.slice(from).map(({ campaignId }) => campaignId);
  }

  /** Carries one decision out, as the customer's mail of that number, from 0. */
  carryOut(assignment: Assignment, occasion: number): void {
    const { customers, config } = this.#world;
    const number = this.#assignments++;
    const u = this.#indexOf.get(assignment.userId);
    if (u === undefined) throw unknown("customer", assignment.userId, number);
    const isSuppressed = assignment.variant === "suppress";
    const variant = isSuppressed ? 0 : variantIndex(assignment.variant);
    if (variant < 0) throw unknown("variant", assignment.variant, number);
    while (this.#campaigns.length <= occasion) this.#nextCampaign(this.#campaigns.length * this.#daysBetween);
    const campaign = this.#campaigns[occasion]!;
    const random = new Random(config.seed, this.#label, u, occasion);
    const luckOfTime = random.below(14 * HOUR_MS);
    const at = assignment.sentAt ?? this.#startsAt + occasion * this.#daysBetween * DAY_MS + 6 * HOUR_MS + luckOfTime;
    if (!(at >= this.#startsAt)) {
      throw new UserError(`assignment ${number + 1} is sent before the canary begins`, {
        code: "simulate.too-early",
        exit: "usage",
        where: `assignment ${number + 1}`,
        next: `sent_at is ${isoTime(this.#startsAt)} or later`,
      });
    }
    this.#arms[assignment.arm] ??= emptyArm();
    const arm = this.#arms[assignment.arm]!;
    arm.assigned++;
    let messageId = "";
    let action = assignment.variant;
    if (isSuppressed) arm.suppressed++;
    else if (!mayMail(this.#world, this.state, u, at)) {
      arm.refused++;
      action = "not-mailable";
    } else messageId = this.#send(assignment, u, campaign, variant, at, arm, random);
    if (assignment.messageId !== undefined) return;
    const share = assignment.share === undefined ? "" : `,"canary_share":${assignment.share}`;
    this.#transport.row(
      "decisions",
      `"decision_id":"d-${this.#label}-${this.#decisions++}","user_id":"${customers.addresses[u]!}",${messageId ? `"message_id":"${messageId}",` : ""}"campaign_id":"${campaign.campaignId}","arm":${asciiJson(assignment.arm)},"model_version":${asciiJson(assignment.modelVersion)},"decided_at":"${isoTime(at - MINUTE_MS)}","attributes":{"release_id":${this.#release},"action":"${action}"${share}}`,
      at - MINUTE_MS,
    );
  }

  /** Writes what arrives before that day of the canary, as whole files. Mails that go out before it are to be carried out before. */
  writeUntil(day: number): void {
    this.#drainUntil(day);
    this.#writer.cut();
  }

  /** Writes all that is still under way, and what came of it. */
  end(): CanaryResult {
    while (this.#day <= this.#transport.lastDay()) this.#drainUntil(this.#day + 1);
    const files = this.#writer.close();
    this.#truth.close();
    for (const arm of Object.values(this.#arms)) {
      arm.expectedComplaints = round(arm.expectedComplaints, 4);
      arm.expectedReportedComplaints = round(arm.expectedReportedComplaints, 4);
      arm.expectedUnsubscribes = round(arm.expectedUnsubscribes, 4);
      arm.expectedConversions = round(arm.expectedConversions, 4);
    }
    const result: CanaryResult = {
      label: this.#label,
      from: isoTime(this.#startsAt),
      stream: { files, counts: this.#counts },
      arms: this.#arms,
    };
    writeJson(join(this.#options.dir, "truth"), "counts.json", result);
    return result;
  }

  #send(
    assignment: Assignment,
    u: number,
    campaign: Campaign,
    variant: number,
    at: number,
    arm: ArmOutcome,
    random: Random,
  ): string {
    const { customers } = this.#world;
    const odds = propensity(this.#world, this.state, u, campaign, variant, at, 1, this.#odds);
    const inbox = 1 - odds.spam;
    arm.sent++;
    arm.expectedComplaints += inbox * odds.complaint;
    if (providers[customers.provider[u]!]!.reportsComplaints) arm.expectedReportedComplaints += inbox * odds.complaint;
    arm.expectedUnsubscribes += inbox * odds.unsubscribe;
    arm.expectedConversions += inbox * odds.read * odds.click * odds.conversion;
    return this.#journey.deliver(u, campaign, variant, at, 1, random, assignment.arm, assignment.messageId);
  }

  #drainUntil(day: number): void {
    for (; this.#day < day; this.#day++) this.#transport.drainDay(this.#day, this.#writer, this.#counts);
  }

  /** The mail of the next occasion: one about each category in turn. */
  #nextCampaign(day: number, toldOn = day): void {
    const { config, campaigns } = this.#world;
    const n = this.#campaigns.length;
    const like = campaigns.find((c) => c.kind === "bulk")!;
    const campaign: Campaign = {
      ...like,
      campaignId: `${this.#label}-${n + 1}`,
      name: `${this.#label} ${n + 1}: ${categories[n % categories.length]!}`,
      topic: n % categories.length,
      variants: variants.map((_, v) => v),
      audience: "everybody",
      holdOut: 0,
      day: config.days + day,
      startsAt: this.#startsAt + day * DAY_MS + 5 * HOUR_MS,
    };
    announce(this.#transport, campaign, this.#startsAt + toldOn * DAY_MS + 5 * HOUR_MS);
    this.#campaigns.push(campaign);
  }
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

import events from "../includes/events.js";
import { DAY_MS, HOUR_MS, MINUTE_MS, type WorldConfig } from "./config.ts";
import { type Customers, trainsOn } from "./customers.ts";
import { Random } from "./random.ts";
import { IdMaker, isoTime } from "./record-text.ts";
import type { Actor, MessageTruth, Sink } from "./sink.ts";
import { WaitingLines } from "./waiting-lines.ts";

/** The reasons that a dead letter can have here; the codes are those of the ingest path. */
export const deadReasons = [
  "malformed-json",
  "wrong-type",
  "missing-field",
  "unknown-event-type",
  "time-in-future",
  "time-unreadable",
] as const;
export type DeadReason = (typeof deadReasons)[number];

/** What a stream holds, counted exactly: the key that a ledger is checked against. */
export interface StreamCounts {
  lines: number;
  /** Valid, distinct events by type. */
  readonly events: Record<string, number>;
  /** Valid rows of other raw tables. */
  readonly rows: Record<string, number>;
  /** Further copies of events that are in the stream already. */
  duplicates: number;
  readonly deadLetters: Record<string, number>;
}

export const emptyCounts = (): StreamCounts => ({ lines: 0, events: {}, rows: {}, duplicates: 0, deadLetters: {} });
const countOne = (counts: Record<string, number>, key: string) => {
  counts[key] = (counts[key] ?? 0) + 1;
};

/** Where finished lines go. */
export interface LineWriter {
  lineBytes(line: Uint8Array): void;
}

export interface TruthWriter {
  signal(eventId: string, messageId: string, type: string, actor: Actor): void;
  message(truth: MessageTruth): void;
}

export interface TransportOptions {
  readonly config: WorldConfig;
  readonly customers: Customers;
  /** Tells streams of one world apart: their ids and troubles differ. */
  readonly label: string;
  /** Nothing happens before this; epoch ms. */
  readonly startsAt: number;
  readonly truth: TruthWriter;
}

// What became of a pending line; type and table names follow in the same numbering.
const DUPLICATE = -1;
const DEAD = -100;

/** Types that need no user to land. */
const nobodys = new Set<string>(events.ofFamily("placement"));
const neededFields = [/"timestamp_utc":"[^"]*",/, /"event_type":"[^"]*",/, /"user_id":"[^"]*",/];
const unknownTypes = ["amp_open", "snoozed", "wishlist_shared", "OPENED?"];
const unreadableTimes = ["31/02/2025 25:61", "yesterday", "0000-00-00 00:00:00", "2025-13-41T10:00:00Z"];
const stamped = (line: string, received: number, again: number): string =>
  line.replace(`"received_at":"${isoTime(received)}"`, `"received_at":"${isoTime(again)}"`);

/**
 * The way from where things happen to our door: every event gets an id and an arrival time, some get lost in it, arrive
 * twice, late, or broken. Lines wait in memory only from their making to their arrival.
 */
export class Transport implements Sink {
  private readonly config: WorldConfig;
  private readonly customers: Customers;
  private readonly truth: TruthWriter;
  private readonly random: Random;
  private readonly ids: IdMaker;
  private readonly startsAt: number;
  private readonly pending = new Map<number, WaitingLines>();
  private readonly names: string[] = [...events.names];
  private readonly typeNumbers = new Map(events.names.map((name, n) => [name, n]));
  private readonly thresholds: readonly number[];
  private drainedTo: number;
  private made = 0;

  constructor(options: TransportOptions) {
    this.config = options.config;
    this.customers = options.customers;
    this.truth = options.truth;
    this.startsAt = options.startsAt;
    this.drainedTo = options.startsAt;
    this.random = new Random(options.config.seed, "transport", options.label);
    this.ids = new IdMaker(this.random.next(), this.random.next());
    const d = options.config.defects;
    let sum = 0;
    this.thresholds = [
      d.malformedJson,
      d.wrongType,
      d.missingField,
      d.unknownType,
      d.timeInFuture,
      d.timeUnreadable,
      d.omitted,
      d.redelivered,
    ].map((rate) => {
      sum += rate;
      return sum;
    });
  }

  event(
    type: string,
    u: number,
    messageId: string | undefined,
    campaignId: string | undefined,
    at: number,
    provenance: string,
    metadata: string,
    actor?: Actor,
  ): void {
    const { customers } = this;
    this.put(
      type,
      customers.addresses[u]!,
      messageId,
      campaignId,
      at,
      provenance,
      metadata,
      trainsOn(customers, u, at),
      actor,
    );
  }

  strangerEvent(
    type: string,
    address: string,
    messageId: string,
    campaignId: string,
    at: number,
    provenance: string,
    metadata: string,
  ): void {
    this.put(type, address, messageId, campaignId, at, provenance, metadata, true, undefined);
  }

  row(table: string, fields: string, at: number): void {
    const received = at + 200 + this.random.below(4_000);
    let number = this.names.indexOf(table, events.names.length);
    if (number < 0) number = this.names.push(table) - 1;
    this.arrive(received, `{"table":"${table}",${fields},"received_at":"${isoTime(received)}"}`, number);
  }

  message(truth: MessageTruth): void {
    this.truth.message(truth);
  }

  private put(
    type: string,
    address: string,
    messageId: string | undefined,
    campaignId: string | undefined,
    at: number,
    provenance: string,
    metadata: string,
    consent: boolean,
    actor: Actor | undefined,
  ): void {
    const { random, thresholds } = this;
    const eventId = this.ids.short(this.made++);
    const hurry = random.uniform();
    const late = this.config.defects.late;
    const delay =
      hurry < late ? HOUR_MS + Math.floor((hurry / late) * 119 * HOUR_MS) : 150 + Math.floor(hurry * hurry * 9_000);
    const received = at + delay;
    const number = this.typeNumbers.get(type)!;
    const luck = random.uniform();
    const id = `"event_id":"${eventId}",`;
    const ids = `"user_id":"${address}",${messageId === undefined ? "" : `"message_id":"${messageId}",`}${campaignId === undefined ? "" : `"campaign_id":"${campaignId}",`}`;
    const end = `"provenance":"${provenance}","metadata":${metadata}}`;
    const whole = `{${id}"event_type":"${type}",${ids}"timestamp_utc":"${isoTime(at)}","received_at":"${isoTime(received)}","consent":${consent},${end}`;
    if (luck >= thresholds[7]!) {
      this.arrive(received, whole, number);
      if (actor) this.truth.signal(eventId, messageId ?? "", type, actor);
      return;
    }
    if (luck < thresholds[5]!) {
      const reason = thresholds.findIndex((threshold) => luck < threshold);
      this.arrive(received, this.broken(reason, whole, nobodys.has(type)), DEAD - reason);
      // Half of the time the sender notices and sends it whole.
      if (random.chance(0.5)) return;
      const again = received + MINUTE_MS + random.below(20 * MINUTE_MS);
      this.arrive(again, stamped(whole, received, again), number);
      if (actor) this.truth.signal(eventId, messageId ?? "", type, actor);
      return;
    }
    if (luck < thresholds[6]!) {
      const what = random.uniform();
      const withoutId = what < 0.1 && messageId === undefined;
      let text = withoutId ? whole.replace(id, "") : whole;
      if (what < 0.4 && messageId === undefined)
        text = text.replace(`"consent":${consent},`, withoutId ? `"consent":${consent},` : "");
      else if (campaignId !== undefined) text = text.replace(`"campaign_id":"${campaignId}",`, "");
      this.arrive(received, text, number);
      if (actor) this.truth.signal(eventId, messageId ?? "", type, actor);
      return;
    }
    this.arrive(received, whole, number);
    if (actor) this.truth.signal(eventId, messageId ?? "", type, actor);
    const again = received + MINUTE_MS + Math.floor(random.uniform() * random.uniform() * DAY_MS);
    // A retry either repeats the very bytes or is stamped anew by the relay.
    this.arrive(again, random.chance(0.5) ? whole : stamped(whole, received, again), DUPLICATE);
  }

  /** A line that cannot land, for the reason of that index in `deadReasons`. */
  private broken(reason: number, whole: string, isAboutNobody: boolean): string {
    const { random } = this;
    switch (deadReasons[reason]) {
      case "malformed-json":
        return random.pick([
          () => whole.slice(0, 20 + random.below(whole.length - 30)),
          () => whole.replaceAll('"', "'"),
          () => `${whole.slice(0, -1)},}`,
          () => `\u0000\u0001${whole.slice(2)}`,
        ])();
      case "wrong-type":
        return whole.replace(
          ...random.pick<[RegExp, string]>([
            [/"event_type":"[^"]*"/, '"event_type":{"name":"open"}'],
            [/"timestamp_utc":"[^"]*"/, '"timestamp_utc":{"seconds":1}'],
            [/"metadata":\{.*\}\}$/, '"metadata":"none"}'],
            [/"consent":[a-z]+/, '"consent":{"given":"perhaps"}'],
          ]),
        );
      case "missing-field":
        return whole.replace(isAboutNobody ? neededFields[0]! : random.pick(neededFields), "");
      case "unknown-event-type":
        return whole.replace(/"event_type":"[^"]*"/, `"event_type":"${random.pick(unknownTypes)}"`);
      case "time-in-future":
        return whole.replace(
          /"timestamp_utc":"[^"]*"/,
          `"timestamp_utc":"${2099 + random.below(20)}-01-01T00:00:00.000Z"`,
        );
      default:
        return whole.replace(/"timestamp_utc":"[^"]*"/, `"timestamp_utc":"${random.pick(unreadableTimes)}"`);
    }
  }

  private arrive(at: number, line: string, kind: number): void {
    this.waitingAt(at).add(at, line, kind);
  }

  /** Whatever day it claims, a line can only arrive on a day that is not over. */
  private waitingAt(at: number): WaitingLines {
    const day = Math.floor((Math.max(at, this.drainedTo) - this.startsAt) / DAY_MS);
    let waiting = this.pending.get(day);
    if (waiting === undefined) {
      waiting = new WaitingLines();
      this.pending.set(day, waiting);
    }
    return waiting;
  }

  /** Hands on everything that arrives on one day, in the order of arrival, and counts it. */
  drainDay(day: number, writer: LineWriter, counts: StreamCounts): void {
    const waiting = this.pending.get(day);
    this.pending.delete(day);
    this.drainedTo = this.startsAt + (day + 1) * DAY_MS;
    if (waiting === undefined) return;
    const order = waiting.inOrder();
    // Now and then a relay sends a stretch of the day again.
    const isReplayed = this.config.defects.redelivered > 0 && this.random.chance(0.03);
    const from = this.random.below(order.length);
    const to = isReplayed ? Math.min(order.length, from + Math.ceil(order.length * 0.04)) : from;
    for (let n = 0; n < order.length; n++) {
      const i = order[n]!;
      const kind = waiting.kind(i);
      writer.lineBytes(waiting.line(i));
      counts.lines++;
      if (kind >= events.names.length) countOne(counts.rows, this.names[kind]!);
      else if (kind >= 0) countOne(counts.events, this.names[kind]!);
      else if (kind === DUPLICATE) counts.duplicates++;
      else countOne(counts.deadLetters, deadReasons[DEAD - kind]!);
      if (n >= from && n < to && kind >= 0 && kind < events.names.length) {
        const again = waiting.time(i) + DAY_MS;
        this.waitingAt(again).addFrom(again, waiting, i, DUPLICATE);
      }
    }
  }

  /** The last day on which something is still under way; -1 when nothing is. */
  lastDay(): number {
    let last = -1;
    for (const day of this.pending.keys()) if (day > last) last = day;
    return last;
  }
}

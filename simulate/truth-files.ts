import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { round } from "./arithmetic.ts";
import { worldEnd } from "./config.ts";
import { LineFiles } from "./line-files.ts";
import { categories, providers, regions } from "./places.ts";
import { isoTime } from "./record-text.ts";
import { emptyPropensity, propensity } from "./response.ts";
import { type Actor, isPerson, type MessageTruth } from "./sink.ts";
import type { TruthWriter } from "./transport.ts";
import { variants } from "./treatments.ts";
import { mayMail, type State, type World } from "./world.ts";

/** Shares of the messages of a stream, by what really happened. */
export interface MessageTotals {
  messages: number;
  delivered: number;
  inbox: number;
  read: number;
  clicked: number;
  complaintsFelt: number;
  unsubscribed: number;
  converted: number;
  revenueCents: number;
}

/** `truth/signals.csv` and `truth/messages.csv`: what the stream does not say. */
export class TruthFiles implements TruthWriter {
  readonly totals: MessageTotals = {
    messages: 0,
    delivered: 0,
    inbox: 0,
    read: 0,
    clicked: 0,
    complaintsFelt: 0,
    unsubscribed: 0,
    converted: 0,
    revenueCents: 0,
  };
  /** Opens, clicks and unsubscribes that reached the stream, by type and actor: `open/person`. */
  readonly actors: Record<string, number> = {};
  private readonly signals: LineFiles;
  private readonly messages: LineFiles;

  constructor(dir: string) {
    const whole = { extension: ".csv" };
    this.signals = new LineFiles(dir, "signals", { ...whole, header: "event_id,message_id,event_type,is_human,actor" });
    this.messages = new LineFiles(dir, "messages", {
      ...whole,
      header:
        "message_id,user_id,campaign_id,variant,arm,is_delivered,is_inbox,is_read,is_clicked,is_complaint_felt,is_unsubscribed,is_converted,revenue,p_read,p_click,p_complaint,p_unsubscribe,p_conversion",
    });
  }

  signal(eventId: string, messageId: string, type: string, actor: Actor): void {
    const key = `${type}/${actor}`;
    this.actors[key] = (this.actors[key] ?? 0) + 1;
    this.signals.line(`${eventId},${messageId},${type},${isPerson(actor)},${actor}`);
  }

  message(t: MessageTruth): void {
    const { totals } = this;
    totals.messages++;
    if (t.isDelivered) totals.delivered++;
    if (t.isInbox) totals.inbox++;
    if (t.isRead) totals.read++;
    if (t.isClicked) totals.clicked++;
    if (t.isComplaintFelt) totals.complaintsFelt++;
    if (t.isUnsubscribed) totals.unsubscribed++;
    if (t.isConverted) totals.converted++;
    totals.revenueCents += t.revenueCents;
    this.messages.line(
      `${t.messageId},${t.userId},${t.campaignId},${t.variant},${t.arm},${t.isDelivered},${t.isInbox},${t.isRead},${t.isClicked},${t.isComplaintFelt},${t.isUnsubscribed},${t.isConverted},${t.revenueCents / 100},${share(t.pRead)},${share(t.pClick)},${share(t.pComplaint)},${share(t.pUnsubscribe)},${share(t.pConversion)}`,
    );
  }

  close(): void {
    this.signals.close();
    this.messages.close();
  }
}

/** A probability as millionths would have it: fixed digits, quick. */
const share = (p: number): number => Math.round(p * 1e7) / 1e7;

/** `truth/customers.csv`: the latent traits, and the state at the end of the period. */
export function writeCustomers(dir: string, world: World, state: State): void {
  const { customers } = world;
  const end = worldEnd(world.config);
  const file = new LineFiles(dir, "customers", {
    extension: ".csv",
    header: `user_id,isp,region,engagement,irritability,fatigue_slope,price_sensitivity,preferred_hour,visits_per_day,uses_privacy_proxy,has_gateway,loads_pictures,summary_from,is_spam_trap,fatigue_at_end,mood_at_end,may_be_mailed_at_end,${categories.map((c) => `interest_${c}`).join(",")}`,
  });
  for (let u = 0; u < customers.count; u++) {
    const from = customers.summaryFrom[u]!;
    const traits = [
      customers.addresses[u]!,
      providers[customers.provider[u]!]!.isp,
      regions[customers.region[u]!]!.region,
      round(customers.engagement[u]!, 4),
      round(customers.irritability[u]!, 4),
      round(customers.fatigueSlope[u]!, 4),
      round(customers.priceSensitivity[u]!, 4),
      customers.preferredHour[u]!,
      round(customers.visitRate[u]!, 5),
      customers.usesPrivacyProxy[u] === 1,
      customers.hasGateway[u] === 1,
      customers.loadsPictures[u] === 1,
      Number.isFinite(from) ? isoTime(Math.floor(from)) : "",
      customers.isSpamTrap[u] === 1,
      round(state.fatigue[u]!, 4),
      round(state.mood[u]!, 4),
      mayMail(world, state, u, end),
      ...categories.map((_, k) => round(customers.interest[u * categories.length + k]!, 4)),
    ];
    file.line(traits.join(","));
  }
  file.close();
}

/** Mean causal effect of each variant on everybody who could be mailed at an instant: no draws, so no noise. */
export function treatmentEffects(world: World, state: State, at: number): Record<string, Record<string, number>> {
  const campaign = world.campaigns.find((c) => c.kind === "bulk")!;
  const effects: Record<string, Record<string, number>> = {};
  const odds = emptyPropensity();
  variants.forEach((variant, v) => {
    const sums = { read: 0, click: 0, complaint: 0, reported_complaint: 0, unsubscribe: 0, conversion: 0 };
    let people = 0;
    for (let u = 0; u < world.customers.count; u++) {
      if (!mayMail(world, state, u, at)) continue;
      propensity(world, state, u, campaign, v, at, 1, odds);
      const inbox = 1 - odds.spam;
      people++;
      sums.read += inbox * odds.read;
      sums.click += inbox * odds.read * odds.click;
      sums.conversion += inbox * odds.read * odds.click * odds.conversion;
      sums.complaint += inbox * odds.complaint;
      if (providers[world.customers.provider[u]!]!.reportsComplaints) sums.reported_complaint += inbox * odds.complaint;
      sums.unsubscribe += inbox * odds.unsubscribe;
    }
    effects[variant.variant] = Object.fromEntries(
      Object.entries(sums).map(([name, sum]) => [`${name}_rate`, round(sum / Math.max(1, people), 8)]),
    );
  });
  return effects;
}

export const writeJson = (dir: string, file: string, data: unknown): void =>
  writeFileSync(join(dir, file), `${JSON.stringify(data, null, 2)}\n`);

import type { Campaign } from "./campaigns.ts";
import { HOUR_MS, MINUTE_MS } from "./config.ts";
import { providers } from "./places.ts";
import type { Random } from "./random.ts";
import type { Sink } from "./sink.ts";
import type { State, World } from "./world.ts";

/** Shares of mail that meets trouble on its way; the bounces are those of the REES46 profile. */
const shares = { softBounce: 0.0023, block: 0.00009, deferral: 0.012, automaticReply: 0.0006 } as const;

const hardBounces = [
  ["550", "5.1.1", "user unknown", true],
  ["550", "5.1.1", "The email account that you tried to reach does not exist", false],
  ["550", "5.1.10", "Recipient not found", true],
  ["554", "5.7.1", "mailbox unavailable: account disabled", false],
] as const;
const softBounces = [
  ["452", "4.2.2", "mailbox full"],
  ["421", "4.7.0", "try again later"],
  ["451", "4.3.0", "temporary system problem"],
] as const;
const blocks = [
  ["550", "5.7.1", "message rejected due to sender reputation"],
  ["554", "5.7.1", "service unavailable; client host blocked using a block list"],
  ["421", "4.7.28", "unusual rate of unsolicited mail"],
] as const;

/** From our server to theirs. Returns when it was delivered, 0 when it was not. */
export function handOver(
  world: World,
  state: State,
  sink: Sink,

  u: number,
  campaign: Campaign,
  messageId: string,
  at: number,
  placement: number,
  random: Random,
): number {
  const { customers } = world;
  const campaignId = campaign.campaignId;
  const mailbox = providers[customers.provider[u]!]!;
  const seconds = 1 + Math.floor(random.exponential(4));
  let handedOverAt = at + seconds * 1000 + random.below(1000);
  if (at >= customers.deadFrom[u]!) {
    const [code, enhanced, text, tellsAddress] = random.pick(hardBounces);
    const diagnostic = tellsAddress
      ? `${code} ${enhanced} <${customers.addresses[u]!}>: ${text}`
      : `${code} ${enhanced} ${text}`;
    sink.event(
      "bounce",
      u,
      messageId,
      campaignId,
      handedOverAt,
      "smtp-bounce-handler-v2",
      `{"class":"hard","smtp_code":"${code}","enhanced_code":"${enhanced}","diagnostic":"${diagnostic}"}`,
    );
    state.suppressedAt[u] = Math.min(state.suppressedAt[u]!, handedOverAt + 10 * MINUTE_MS);
    return 0;
  }
  if (random.chance(shares.block * (placement > 3 ? 8 : 1))) {
    const [code, enhanced, text] = random.pick(blocks);
    sink.event(
      "bounce",
      u,
      messageId,
      campaignId,
      handedOverAt,
      "smtp-bounce-handler-v2",
      `{"class":"block","smtp_code":"${code}","enhanced_code":"${enhanced}","diagnostic":"${code} ${enhanced} ${text}","reporting_mta":"mx.${mailbox.isp}.example"}`,
    );
    return 0;
  }
  const isSoft = random.chance(shares.softBounce);
  if (isSoft || random.chance(shares.deferral * (customers.hasGateway[u] === 1 ? 3 : 1))) {
    const [code, enhanced, text] = random.pick(softBounces);
    for (let attempt = 1; attempt <= (isSoft ? 3 : 1); attempt++) {
      sink.event(
        "deferred",
        u,
        messageId,
        campaignId,
        handedOverAt,
        "smtp-sender-v1",
        `{"smtp_code":"${code}","enhanced_code":"${enhanced}","reason":"${text}","attempt":${attempt}}`,
      );
      handedOverAt += attempt * attempt * random.below(30 * MINUTE_MS) + 5 * MINUTE_MS;
    }
    if (isSoft) {
      sink.event(
        "bounce",
        u,
        messageId,
        campaignId,
        handedOverAt,
        "smtp-bounce-handler-v2",
        `{"class":"soft","smtp_code":"${code}","enhanced_code":"${enhanced}","diagnostic":"${code} ${enhanced} ${text}"}`,
      );
      return 0;
    }
  }
  sink.event(
    "delivered",
    u,
    messageId,
    campaignId,
    handedOverAt,
    "smtp-sender-v1",
    `{"smtp_code":"250","seconds_to_deliver":${Math.round((handedOverAt - at) / 1000)}}`,
  );
  if (customers.isSpamTrap[u] === 1 && random.chance(0.5)) {
    sink.event(
      "spam_trap_hit",
      u,
      messageId,
      campaignId,
      handedOverAt + random.below(6 * HOUR_MS),
      "trap-feed-v1",
      `{"trap_type":"${random.chance(0.7) ? "recycled" : "pristine"}","feed":"feed-${1 + random.below(3)}"}`,
    );
  }
  if (mailbox.isp === "corporate" && random.chance(shares.automaticReply)) {
    sink.event(
      "reply",
      u,
      messageId,
      campaignId,
      handedOverAt + (2 + random.below(20)) * 1_000 + random.below(1_000),
      "mail-in-v1",
      '{"automatic":true}',
    );
  }
  return handedOverAt;
}

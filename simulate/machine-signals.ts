import { gatewayOf, hasFullAppleAgent, seenAgent, unflagged } from "./adversaries.ts";
import { MINUTE_MS } from "./config.ts";
import {
  appleFullAgent,
  applePrefixes,
  applePrivacyAgent,
  browserAgents,
  gatewayAgents,
  gmailProxyAgent,
  providers,
} from "./places.ts";
import { Random } from "./random.ts";
import type { Sink } from "./sink.ts";
import type { State, World } from "./world.ts";

/** How often each kind of machine looks at a mail that it could look at, and how often the provider notices. */
const shares = { privacyPrefetch: 0.75, gmailPrefetch: 0.012, privacyFlagged: 0.8, gatewayFlagged: 0.1 } as const;
/** Links in a mail. */
const linkCount = 6;

/** Opens, clicks and unsubscribes that nobody made. */
export function machineSignals(
  world: World,
  state: State,
  sink: Sink,
  u: number,
  campaignId: string,
  messageId: string,
  deliveredAt: number,
  random: Random,
): void {
  const { customers } = world;
  if (customers.usesPrivacyProxy[u] === 1 && random.chance(shares.privacyPrefetch)) {
    const openedAt = deliveredAt + 15_000 + Math.floor(random.exponential(100 * MINUTE_MS));
    const isFull = hasFullAppleAgent(world, u);
    const flag = random.chance(shares.privacyFlagged)
      ? `"machine":true,"machine_reason":"privacy-proxy",`
      : unflagged(world, u, openedAt);
    sink.event(
      "open",
      u,
      messageId,
      campaignId,
      openedAt,
      "pixel-v1",
      `{${isFull ? "" : flag}"user_agent":"${seenAgent(world, campaignId, isFull ? appleFullAgent : applePrivacyAgent)}","ip_prefix":"${random.pick(applePrefixes)}"}`,
      isFull ? "apple-privacy-proxy-full-agent" : "apple-privacy-proxy",
    );
  }
  if (providers[customers.provider[u]!]!.isp === "gmail" && random.chance(shares.gmailPrefetch)) {
    sink.event(
      "open",
      u,
      messageId,
      campaignId,
      deliveredAt + 800 + random.below(4_000),
      "pixel-v1",
      `{"user_agent":"${seenAgent(world, campaignId, gmailProxyAgent)}","ip_prefix":"66.249.84.0/24"}`,
      "gmail-prefetch",
    );
  }
  if (customers.hasGateway[u] === 1) {
    // its luck is its own: what a gateway does changes nothing that the reader would have done
    gatewaySignals(world, state, sink, u, campaignId, messageId, deliveredAt, new Random(world.config.seed, messageId));
  }
}

function gatewaySignals(
  world: World,
  state: State,
  sink: Sink,
  u: number,
  campaignId: string,
  messageId: string,
  deliveredAt: number,
  random: Random,
): void {
  const habit = gatewayOf(world, u);
  const agents = habit.asBrowser ? browserAgents : gatewayAgents;
  const agent = seenAgent(world, campaignId, agents[u % agents.length]!);
  const prefix = habit.networks[u % habit.networks.length]!;
  let at = deliveredAt + Math.floor(habit.wait(random));
  const isOpening = random.chance(habit.opens);
  const isFollowing = random.chance(habit.follows);
  const flag = () =>
    random.chance(shares.gatewayFlagged) ? `"machine":true,"machine_reason":"scanner",` : unflagged(world, u, at);
  const from = `"user_agent":"${agent}","ip_prefix":"${prefix}"`;
  const step = () => {
    at += 40 + Math.floor(random.exponential(habit.pace));
  };
  if (isOpening) {
    sink.event("open", u, messageId, campaignId, at, "pixel-v1", `{${flag()}${from}}`, habit.actor);
    step();
  }
  if (!isFollowing) return;
  const least = Math.max(1, Math.ceil(habit.links / 3));
  const links = least + random.below(habit.links - least + 1);
  const first = 1 + random.below(linkCount);
  for (let n = 0; n < links; n++) {
    const link = 1 + ((first + n) % linkCount);
    const metadata = `{${flag()}"link_id":"link-${link}",${from}}`;
    sink.event("click", u, messageId, campaignId, at, "click-redirect-v1", metadata, habit.actor);
    step();
  }
  if (!random.chance(habit.unsubscribes)) return;
  // the sender believes it: nothing more is sent
  state.unsubscribedAt[u] = Math.min(state.unsubscribedAt[u]!, at);
  const metadata = `{"method":"link","list_id":"news",${from}}`;
  sink.event("unsubscribe", u, messageId, campaignId, at, "preference-centre-v1", metadata, habit.actor);
}

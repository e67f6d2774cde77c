import { MINUTE_MS } from "./config.ts";
import {
  applePrefixes,
  applePrivacyAgent,
  gatewayAgents,
  gatewayPrefixes,
  gmailProxyAgent,
  providers,
} from "./places.ts";
import type { Random } from "./random.ts";
import type { Sink } from "./sink.ts";
import type { World } from "./world.ts";

/** How often each kind of machine looks at a mail that it could look at. */
const shares = { privacyPrefetch: 0.75, gmailPrefetch: 0.012, gatewayOpen: 0.72, gatewayClicks: 0.1 } as const;

/** Opens and clicks that nobody made. */
export function machineSignals(
  world: World,
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
    const flag = random.chance(0.8) ? `"machine":true,"machine_reason":"privacy-proxy",` : "";
    sink.event(
      "open",
      u,
      messageId,
      campaignId,
      openedAt,
      "pixel-v1",
      `{${flag}"user_agent":"${applePrivacyAgent}","ip_prefix":"${random.pick(applePrefixes)}"}`,
      "apple-privacy-proxy",
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
      `{"user_agent":"${gmailProxyAgent}","ip_prefix":"66.249.84.0/24"}`,
      "gmail-prefetch",
    );
  }
  if (customers.hasGateway[u] === 1 && random.chance(shares.gatewayOpen)) {
    const agent = gatewayAgents[u % gatewayAgents.length]!;
    const prefix = gatewayPrefixes[u % gatewayPrefixes.length]!;
    let at = deliveredAt + 150 + random.below(1_700);
    sink.event(
      "open",
      u,
      messageId,
      campaignId,
      at,
      "pixel-v1",
      `{${random.chance(0.1) ? `"machine":true,"machine_reason":"scanner",` : ""}"user_agent":"${agent}","ip_prefix":"${prefix}"}`,
      "gateway",
    );
    if (random.chance(shares.gatewayClicks)) {
      const links = 3 + random.below(4);
      for (let link = 1; link <= links; link++) {
        at += 60 + random.below(900);
        sink.event(
          "click",
          u,
          messageId,
          campaignId,
          at,
          "click-redirect-v1",
          `{"link_id":"link-${link}","user_agent":"${agent}","ip_prefix":"${prefix}"}`,
          "gateway",
        );
      }
    }
  }
}

import type { Campaign } from "./campaigns.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, worldStart } from "./config.ts";
import { providers } from "./places.ts";
import type { Random } from "./random.ts";
import { isoTime } from "./record-text.ts";
import type { Sink } from "./sink.ts";
import type { World } from "./world.ts";

const seedRegions = ["us-east", "de"] as const;
const SEEDS = 6;

/** Sends a campaign to the seed mailboxes and reports the folder in which each one found it. */
export function seedTest(
  world: World,
  sink: Sink,
  campaign: Campaign,
  day: number,
  placement: readonly Float64Array[],
  random: Random,
): void {
  const at = worldStart(world.config) + day * DAY_MS + 5 * HOUR_MS;
  providers.forEach((mailbox, p) => {
    if (mailbox.isp === "corporate") return;
    for (const region of seedRegions) {
      const test = `seed-${campaign.campaignId}-${mailbox.isp}-${region}`;
      const found = { inbox: 0, promotions: 0, spam: 0, missing: 0 };
      for (let n = 1; n <= SEEDS; n++) {
        const spam = Math.min(0.9, mailbox.spamRate * placement[p]![day]!);
        const folder = random.chance(0.006)
          ? "missing"
          : random.chance(spam)
            ? "spam"
            : mailbox.isp === "gmail" && random.chance(0.45)
              ? "promotions"
              : "inbox";
        found[folder]++;
        const seedId = `seed-${mailbox.isp}-${region}-${n}`;
        sink.strangerEvent(
          "inbox_placement",
          `${seedId}@${mailbox.domains[0]!}`,
          `${test}-${n}`,
          campaign.campaignId,
          at + 10 * MINUTE_MS + random.below(40 * MINUTE_MS),
          "seed-panel-v1",
          `{"folder":"${folder}","seed_id":"${seedId}","seed_test_id":"${test}","isp":"${mailbox.isp}","region":"${region}"}`,
        );
      }
      const testedAt = at + HOUR_MS;
      sink.row(
        "seed_tests",
        `"seed_test_id":"${test}","campaign_id":"${campaign.campaignId}","isp":"${mailbox.isp}","region":"${region}","sent":${SEEDS},"inbox":${found.inbox},"promotions":${found.promotions},"spam":${found.spam},"missing":${found.missing},"tested_at":"${isoTime(testedAt)}"`,
        testedAt,
      );
    }
  });
}

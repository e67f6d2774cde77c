/**
 * A small world of its own, to hold the signal-trust model out against: other scanners, other people, other numbers than the simulator's, and
 * nothing shared with it or with the models. Lines are in the shape that `ingest file` takes.
 */
export interface OtherWorld {
  readonly lines: readonly string[];
  /** event id -> who made it; `isHuman` is the answer. */
  readonly truth: ReadonlyMap<string, { readonly actor: string; readonly type: string; readonly isHuman: boolean }>;
}

export interface OtherWorldOptions {
  readonly seed: number;
  readonly recipients: number;
  /** Mails to each recipient. */
  readonly mails: number;
  /** Whether signals carry the network that they came from. */
  readonly hasNetworks: boolean;
  /** Whether the provider says of a signal whether it is a machine's, now and then. */
  readonly hasFlags: boolean;
  /** Whether the shop tells of visits. */
  readonly hasVisits: boolean;
}

/** mulberry32. */
function uniform(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const edge =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0";
const safari =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1";
const galaxy =
  "Mozilla/5.0 (Linux; Android 13; SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36";
const thunderbird = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.4.0";
const appleMail = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)";
const gmail = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)";

/** Habits of the scanners, seconds. */
const scanners = [
  { actor: "sandbox", share: 0.08, wait: [0.2, 4], links: [2, 5], pace: 0.25, agent: edge, opens: 0.5, leaves: 0 },
  { actor: "night-watch", share: 0.06, wait: [240, 900], links: [3, 5], pace: 1.1, agent: edge, opens: 0.9, leaves: 0 },
  { actor: "sampler", share: 0.05, wait: [5, 200], links: [1, 1], pace: 0.5, agent: galaxy, opens: 0.2, leaves: 0 },
  { actor: "doorman", share: 0.05, wait: [-40, -1], links: [2, 4], pace: 0.4, agent: edge, opens: 0.7, leaves: 0 },
  { actor: "zealot", share: 0.05, wait: [1, 30], links: [4, 5], pace: 0.3, agent: safari, opens: 0.6, leaves: 0.6 },
] as const;

export function otherWorld(options: OtherWorldOptions): OtherWorld {
  const random = uniform(options.seed);
  const between = (low: number, high: number) => low + (high - low) * random();
  const exponential = (mean: number) => -mean * Math.log(1 - random());
  const lines: string[] = [];
  const truth = new Map<string, { actor: string; type: string; isHuman: boolean }>();
  const start = Date.UTC(2026, 0, 5, 8);
  let events = 0;
  const tell = (
    type: string,
    user: string,
    message: string | undefined,
    at: number,
    metadata: object,
    actor?: string,
    isHuman = false,
  ) => {
    const id = `e${events++}`;
    lines.push(
      JSON.stringify({
        event_id: id,
        event_type: type,
        user_id: user,
        ...(message === undefined ? {} : { message_id: message, campaign_id: message.split("-")[0] }),
        timestamp_utc: new Date(at).toISOString(),
        consent: true,
        provenance: "other-world",
        metadata,
      }),
    );
    if (actor !== undefined) truth.set(id, { actor, type, isHuman });
  };

  for (let r = 0; r < options.recipients; r++) {
    const lot = random();
    const scanner = scanners.find((_, n) => lot < scanners.slice(0, n + 1).reduce((sum, { share }) => sum + share, 0));
    const hasApple = scanner === undefined && random() < 0.25;
    const hasGmail = scanner === undefined && !hasApple && random() < 0.4;
    const office = random() < 0.3 ? `office${Math.floor(random() * 6)}` : undefined;
    const domain = office ? `${office}.example` : hasGmail ? "gmail.example" : `mail${r % 9}.example`;
    const user = `r${r}@${domain}`;
    const home = office
      ? `10.9.${office.at(-1)}.0/24`
      : `100.${64 + Math.floor(random() * 60)}.${Math.floor(random() * 250)}.0/24`;
    const reading = between(0.08, 0.6);
    const clicking = between(0.02, 0.3);
    const device = [edge, safari, galaxy, thunderbird][r % 4]!;
    const isHasty = random() < 0.05;
    const network = (prefix: string) => (options.hasNetworks ? { ip_prefix: prefix } : {});
    const flag = (isMachine: boolean) => {
      if (!options.hasFlags) return {};
      const says = random();
      if (isMachine) return says < 0.3 ? { machine: true } : says < 0.4 ? { machine: false } : {};
      return says < 0.01 ? { machine: true } : says < 0.4 ? { machine: false } : {};
    };
    for (let m = 0; m < options.mails; m++) {
      const message = `c${m}-${r}`;
      const sent = start + m * 3 * 86_400_000 + r * 400 + between(0, 200);
      const delivered = sent + between(500, 6_000);
      tell("sent", user, message, sent, { recipient_domain: domain });
      tell("delivered", user, message, delivered, {});
      const isCdn = m === 1;
      const seen = (agent: string) => ({ user_agent: isCdn ? "Amazon CloudFront" : agent });

      if (scanner && random() < 0.6) {
        let at = delivered + 1000 * between(scanner.wait[0], scanner.wait[1]);
        const from = { ...seen(scanner.agent), ...network(`203.0.${scanner.actor.length}.0/24`) };
        if (random() < scanner.opens) {
          tell("open", user, message, at, { ...flag(true), ...from }, scanner.actor);
          at += 1000 * exponential(scanner.pace);
        }
        if (random() < 0.6) {
          const links = Math.round(between(scanner.links[0], scanner.links[1]));
          for (let n = 0; n < links; n++) {
            const url = `https://shop.example/${["a", "b", "c", "d", "e"][n]}`;
            tell("click", user, message, at, { ...flag(true), url, ...from }, scanner.actor);
            at += 1000 * exponential(scanner.pace);
          }
          if (random() < scanner.leaves)
            tell("unsubscribe", user, message, at, { method: "link", ...from }, scanner.actor);
        }
      }
      if (hasApple && random() < 0.9) {
        const agent = r % 2 === 0 ? "Mozilla/5.0" : appleMail;
        const at = delivered + 1000 * (5 + exponential(2_000));
        const from = { ...seen(agent), ...network(`172.225.${r % 5}.0/24`) };
        tell("open", user, message, at, { ...(agent === appleMail ? {} : flag(true)), ...from }, "apple");
      }
      if (random() >= reading) continue;
      const isHurried = isHasty && random() < 0.5;
      let at = delivered + 1000 * (isHurried ? between(0.4, 1.8) : 8 + exponential(random() < 0.5 ? 3_000 : 40_000));
      const actor = isHurried
        ? "person-in-a-hurry"
        : isCdn
          ? "person-behind-cdn"
          : office
            ? "person-in-office"
            : "person";
      if (!hasApple) {
        const from = hasGmail
          ? { ...seen(gmail), ...network("66.249.90.0/24") }
          : { ...seen(device), ...network(home) };
        tell("open", user, message, at, { ...flag(false), ...from }, actor, true);
      }
      if (random() >= (isHurried ? 0.9 : clicking)) continue;
      at += isHurried ? between(100, 400) : 2_000 + 1000 * exponential(25);
      const from = { ...seen(device), ...network(home) };
      const url = `https://shop.example/${["a", "b", "c", "d", "e"][Math.floor(random() * 5)]}`;
      tell("click", user, message, at, { ...flag(false), url, ...from }, actor, true);
      if (options.hasVisits && random() < 0.8)
        tell("page_view", user, undefined, at + between(2_000, 20_000), { page: "a" });
      if (random() < 0.12)
        tell("conversion", user, message, at + between(60_000, 900_000), { revenue: 20, currency: "EUR" });
      if (random() < 0.08)
        tell("unsubscribe", user, message, at + between(4_000, 90_000), { method: "link", ...from }, actor, true);
    }
  }
  return { lines, truth };
}

import consents from "../../includes/consents.js";
import { broken, type Heard, type SignalHeard } from "./heard.ts";

const keys = ["ad_storage", "analytics_storage", "ad_user_data", "ad_personalization"] as const;
type Said = "granted" | "denied" | undefined;

/**
 * The letters of `gcd`, by whether the person has spoken: an update follows somebody's choice, a default is the site's. Google does not document them; this is what
 * its tag sends (l: not set; p, t: default only; q, u: then denied; r, v: then granted; m, n: an update without a default).
 */
const letters: Readonly<Record<string, Said>> = {
  l: undefined,
  p: undefined,
  t: undefined,
  q: "denied",
  u: "denied",
  m: "denied",
  r: "granted",
  v: "granted",
  n: "granted",
};

/**
 * Reads Google Consent Mode 2: the parameter `gcd` of a hit (`11r1r1q1n5`), or the object of `gtag('consent', 'update', ...)`. Only what the person chose counts. The older
 * `gcs` (`G111`) does not tell a choice from a default and is refused.
 */
export function readConsentMode(value: unknown): SignalHeard {
  const said = typeof value === "string" ? readGcd(value) : readUpdate(value);
  if (typeof said === "string") return broken(said);
  const { channel, purposes } = consents.signals.gcm as {
    readonly channel: string;
    readonly purposes: Readonly<Record<string, readonly (typeof keys)[number][]>>;
  };
  const statements = Object.entries(purposes).flatMap(([purpose, wanted]): readonly Heard[] => {
    const answers = wanted.map((key) => said.get(key));
    if (answers.includes("denied")) return [{ purpose, isGranted: false, channel }];
    return answers.every((one) => one === "granted") ? [{ purpose, isGranted: true, channel }] : [];
  });
  return { kind: "heard", statements };
}

function readGcd(text: string): ReadonlyMap<string, Said> | string {
  if (/^G1[01-]{2}/.test(text)) return "gcs does not say whether anybody chose: send gcd, or the update itself";
  const found = /^1[13]([a-z])[13]([a-z])[13]([a-z])[13]([a-z])[0-9]/.exec(text)?.slice(1);
  if (!found?.every((letter) => letter in letters)) return "no gcd of Consent Mode 2";
  return new Map(keys.map((key, i) => [key, letters[found[i]!]]));
}

function readUpdate(value: unknown): ReadonlyMap<string, Said> | string {
  if (value === null || typeof value !== "object" || Array.isArray(value))
    return "neither gcd nor an update of Consent Mode";
  const fields = value as Readonly<Record<string, unknown>>;
  const said = new Map<string, Said>();
  for (const key of keys) {
    const one = fields[key];
    if (one === undefined) continue;
    if (one !== "granted" && one !== "denied") return `${key} is neither granted nor denied`;
    said.set(key, one);
  }
  return said.size > 0 ? said : "an update of Consent Mode that says nothing";
}

import { gzipSync } from "node:zlib";
import { packHook } from "../../../ingest/collector/hook-message.ts";
import { decoderFor } from "../../../ingest/decoders.ts";
import { deadLetterRow } from "../../../ingest/door/dead-letter.ts";
import { createDoor } from "../../../ingest/door/door.ts";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import type { RawRow } from "../../../ingest/door/raw-row.ts";
import { providers } from "../../../ingest/sources/providers.ts";
import { signers } from "../collector/signed-calls.ts";
import { mutate, type Random, seeded } from "./mutate.ts";

export interface FuzzResult {
  readonly payloads: number;
  readonly rows: number;
  readonly deadLetters: number;
  /** Payloads that gave no item at all. */
  readonly silent: number;
  readonly exceptions: readonly string[];
  readonly leaks: readonly string[];
  readonly slowestMs: number;
  readonly slowestKind: string;
  readonly heapMiB: readonly number[];
}

const at = new Date("2026-01-31T10:00:00Z");
const arrival = at.getTime() * 1000;

const bounceMail = `From: MAILER-DAEMON@mx.example.net
To: sender@example.com
Date: Sat, 31 Jan 2026 10:00:00 +0000
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<reader@example.org>: host mx.example.net[192.0.2.1] said: 550 5.1.1 no such user =

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; reader@example.org
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <reader@example.org>: no such user

--b
Content-Type: message/rfc822

From: sender@example.com
To: reader@example.org
Message-ID: <m1@example.com>
Subject: offer

text
--b--
`;
const complaintMail = bounceMail
  .replace("report-type=delivery-status", "report-type=feedback-report")
  .replace("message/delivery-status", "message/feedback-report")
  .replace("Reporting-MTA: dns; mx.example.net\n\n", "Feedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\n");
const dmarcReport = `<?xml version="1.0"?><feedback><report_metadata><org_name>example.net</org_name><email>d@example.net</email>
<report_id>r1</report_id><date_range><begin>1769817600</begin><end>1769903999</end></date_range></report_metadata>
<policy_published><domain>example.com</domain><p>none</p><pct>100</pct></policy_published>
<record><row><source_ip>192.0.2.7</source_ip><count>3</count><policy_evaluated><disposition>none</disposition>
<dkim>pass</dkim><spf>fail</spf></policy_evaluated></row><identifiers><header_from>example.com</header_from></identifiers>
<auth_results><spf><domain>example.com</domain><result>fail</result></spf></auth_results></record></feedback>`;
const tlsReport = JSON.stringify({
  "organization-name": "example.net",
  "date-range": { "start-datetime": "2026-01-31T00:00:00Z", "end-datetime": "2026-01-31T23:59:59Z" },
  "report-id": "t1",
  policies: [
    {
      policy: { "policy-type": "sts", "policy-domain": "example.com" },
      summary: { "total-successful-session-count": 5, "total-failure-session-count": 1 },
      "failure-details": [{ "result-type": "certificate-expired", "failed-session-count": 1 }],
    },
  ],
});
const ownEvent = JSON.stringify({
  event_type: "open",
  user_id: "reader@example.org",
  message_id: "m1",
  timestamp_utc: "2026-01-31T09:00:00Z",
  consent: true,
  metadata: { client: "ios", url: "https://example.com/?e=reader@example.org" },
});

const seedResults = JSON.stringify([
  { seed_test_id: "t1", isp: "gmail", sent: 5, inbox: 3, spam: 1, missing: 1, tested_at: "2026-01-31T09:00:00Z" },
  { seed_test_id: "t1", seed: "reader@example.org", folder: "Promotions", tested_at: "2026-01-31T09:00:00Z" },
]);
const postmasterDay = JSON.stringify({
  domain: "example.com",
  date: "2026-01-30",
  stats: [{ metric: "spam_rate", value: 0.001 }],
});

/** Types that providers have beside the one in the signed call: the mutations start from all of them. */
const words = [
  "bounce",
  "open",
  "click",
  "dropped",
  "deferred",
  "spamreport",
  "unsubscribe",
  "complained",
  "failed",
  "Bounce",
  "Complaint",
  "hard_bounce",
  "reject",
];

interface Seed {
  readonly kind: string;
  readonly bytes: Buffer;
  readonly wrap: (bytes: Buffer, random: Random) => Buffer;
}

function seeds(): readonly Seed[] {
  const plain = (bytes: Buffer): Buffer => bytes;
  const calls = signers.flatMap((signer): Seed[] => {
    const { headers, body } = signer.call("m1", at);
    return ["", ...words].map((word) => ({
      kind: `hook-${signer.provider}`,
      bytes: Buffer.from(word === "" ? body : body.replace(/delivered|delivery|Delivery|sent/g, word)),
      wrap: (bytes: Buffer) => packHook({ headers, body: bytes }),
    }));
  });
  const ses = { mail: { messageId: "m1", destination: ["reader@example.org"], timestamp: at.toISOString() } };
  const sesEvents = [
    {
      ...ses,
      eventType: "Bounce",
      bounce: {
        bounceType: "Permanent",
        bounceSubType: "General",
        timestamp: at.toISOString(),
        bouncedRecipients: [{ emailAddress: "reader@example.org", diagnosticCode: "smtp; 550 5.1.1 x" }],
      },
    },
    {
      ...ses,
      eventType: "Click",
      click: { link: "https://example.com", timestamp: at.toISOString(), ipAddress: "192.0.2.1" },
    },
  ];
  return [
    ...calls,
    ...sesEvents.map((event) => ({
      kind: "hook-amazon_ses",
      bytes: Buffer.from(JSON.stringify(event)),
      wrap: (bytes: Buffer) => packHook({ headers: { "content-type": "application/json" }, body: bytes }),
    })),
    { kind: "ndjson", bytes: Buffer.from(ownEvent), wrap: plain },
    { kind: "api-shop", bytes: Buffer.from(ownEvent), wrap: plain },
    { kind: "mail", bytes: Buffer.from(bounceMail), wrap: plain },
    { kind: "mail", bytes: Buffer.from(complaintMail), wrap: plain },
    {
      kind: "dmarc",
      bytes: Buffer.from(dmarcReport),
      wrap: (bytes, random) => (random() < 0.2 ? gzipSync(bytes) : bytes),
    },
    { kind: "dmarc", bytes: Buffer.from(tlsReport), wrap: plain },
    { kind: "seeds-document", bytes: Buffer.from(seedResults), wrap: plain },
    { kind: "postmaster", bytes: Buffer.from(postmasterDay), wrap: plain },
  ];
}

const ring = (text: string) => {
  const active = { version: "v1", secret: Buffer.from(text) };
  return { active, all: [active], isDemo: false };
};

/** Runs `payloads` mutations through decoder and door, as the pipeline does. The same seed makes the same payloads. */
export async function fuzzDecoders(options: {
  readonly payloads: number;
  readonly seed: number;
  readonly progress?: (done: number) => void;
}): Promise<FuzzResult> {
  const random = seeded(options.seed);
  const hashId = createIdHasher(ring("an id key for tests only").active);
  const keys = ring("a letter key for tests");
  const door = createDoor({ hashId, trustReceivedAt: false });
  const decoders = new Map(seeds().map(({ kind }) => [kind, decoderFor(kind, { hashId, fileId: "f" })]));
  const all: Seed[] = [];
  for (const seed of seeds()) {
    const items = await decoders.get(seed.kind)!({ data: seed.wrap(seed.bytes, () => 1), position: 1 });
    if (items.some((item) => door(item, arrival).kind === "row")) all.push(seed);
  }
  const missing = [...providers.keys()].filter((name) => !all.some((one) => one.kind === `hook-${name}`));
  if (missing.length > 0) throw new Error(`no seeds for ${missing.join(", ")}`);
  const exceptions: string[] = [];
  const leaks: string[] = [];
  const heapMiB: number[] = [];
  let rows = 0;
  let deadLetters = 0;
  let silent = 0;
  let slowestMs = 0;
  let slowestKind = "";
  const reader = hashId("reader@example.org");
  /** Ids of messages look like addresses; that one is an address is known where it is the recipient's. */
  const holdsAddress = (row: RawRow): boolean => {
    const { message_id: _message, event_id: _event, metadata, ...rest } = row;
    const { provider_message_id: _provider, ...said } = (metadata ?? {}) as Record<string, unknown>;
    const checked = row["user_id_hash"] === reader ? row : { ...rest, said };
    return JSON.stringify(checked).includes("reader@example.org");
  };
  const tenth = Math.max(1, Math.floor(options.payloads / 10));
  for (let n = 1; n <= options.payloads; n++) {
    const seed = all[Math.floor(random() * all.length)]!;
    const donor = all[Math.floor(random() * all.length)]!;
    const payload = seed.wrap(mutate(seed.bytes, donor.bytes, random), random);
    const began = performance.now();
    try {
      const items = await decoders.get(seed.kind)!({ data: payload, position: n });
      if (items.length === 0) silent += 1;
      for (const item of items) {
        const admitted = door(item, arrival);
        const said =
          admitted.kind === "row"
            ? admitted.row
            : deadLetterRow(
                { ...admitted, stage: "decode", source: `${seed.kind}:fuzz`, position: "1", payload: Buffer.alloc(0) },
                { sourceId: "s", batchId: "b", arrival, keys, randomBytes: (length) => Buffer.alloc(length) },
              );
        if (admitted.kind === "row") rows += 1;
        else deadLetters += 1;
        if (holdsAddress(said))
          leaks.push(`payload ${n} of ${seed.kind}: an address landed: ${JSON.stringify(said).slice(0, 400)}`);
      }
    } catch (error) {
      exceptions.push(`payload ${n} of ${seed.kind}: ${(error as Error).stack?.split("\n").slice(0, 3).join(" ")}`);
    }
    const took = performance.now() - began;
    if (took > slowestMs) {
      slowestMs = took;
      slowestKind = seed.kind;
    }
    if (n % tenth === 0) {
      (globalThis as { gc?: () => void }).gc?.();
      heapMiB.push(process.memoryUsage().heapUsed / 2 ** 20);
      options.progress?.(n);
    }
  }
  return { payloads: options.payloads, rows, deadLetters, silent, exceptions, leaks, slowestMs, slowestKind, heapMiB };
}

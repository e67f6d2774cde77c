import { expect, test } from "vitest";
import { createIdHasher } from "../../ingest/door/id-hasher.ts";
import { pseudonymise } from "../../ingest/door/pseudonymise.ts";
import type { Decoded } from "../../ingest/door/signal.ts";
import { amazonSes } from "../../ingest/sources/amazon-ses.ts";
import { sendgrid } from "../../ingest/sources/sendgrid.ts";

const ours = `m-${"0123456789abcdef".repeat(2)}`;
const hashId = createIdHasher({ version: "t", secret: Buffer.alloc(32, 7) });

function rowOf(decoded: readonly Decoded[]) {
  const [first] = decoded;
  if (first?.kind !== "signal") throw new Error("no signal");
  const done = pseudonymise(first.signal, Date.parse("2026-11-29T12:00:00Z") * 1000, hashId);
  if (done.kind !== "row") throw new Error(JSON.stringify(done));
  return done.row as Readonly<Record<string, unknown>>;
}
const body = (value: unknown) => ({ headers: {}, body: Buffer.from(JSON.stringify(value)) });

const ofSendgrid = (more: object) =>
  rowOf(
    sendgrid.decode(
      body([
        {
          event: "delivered",
          email: "ann@example.com",
          timestamp: 1_795_953_600,
          sg_event_id: "e1",
          sg_message_id: "Lli-03.filter0077p1las1.21536.5717FC482.0",
          ...more,
        },
      ]),
    ),
  );
const ofSes = (tags: object) =>
  rowOf(
    amazonSes.decode(
      body({
        eventType: "Delivery",
        mail: {
          messageId: "0100018-ses",
          timestamp: "2026-11-29T11:59:00Z",
          destination: ["ann@example.com"],
          tags: { "ses:configuration-set": ["loop"], ...tags },
        },
        delivery: { timestamp: "2026-11-29T11:59:30Z", recipients: ["ann@example.com"] },
      }),
    ),
  );

test("when SendGrid hands our arguments back, then the event is our message's, with campaign and variant", () => {
  const row = ofSendgrid({ inboxloop_message_id: ours, inboxloop_variant: "offer", campaign_id: "spring" });
  expect(row).toMatchObject({
    message_id: ours,
    campaign_id: "spring",
    metadata: { variant: "offer", provider_message_id: "Lli-03.filter0077p1las1.21536.5717FC482.0" },
  });
});

test("when SES hands our tags back, then the event is our message's, with campaign and variant", () => {
  const row = ofSes({ inboxloop_message_id: [ours], inboxloop_variant: ["offer"], campaign: ["spring"], team: ["a"] });
  expect(row).toMatchObject({
    message_id: ours,
    campaign_id: "spring",
    metadata: { variant: "offer", provider_message_id: "0100018-ses", tags: ["campaign:spring", "team:a"] },
  });
});

test.each(["m-1", "ann@example.com", 7, "", `x${ours}`])(
  "when what stands under our name is no id of ours (%s), then the provider's id stays",
  (value) => {
    expect(ofSendgrid({ inboxloop_message_id: value })["message_id"]).toMatch(/^Lli-03:[0-9a-f]{16}$/);
    expect(ofSes({ inboxloop_message_id: [String(value)] })["message_id"]).toBe("0100018-ses");
  },
);

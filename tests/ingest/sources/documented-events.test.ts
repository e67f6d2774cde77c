import { describe, expect, test } from "vitest";
import events from "../../../includes/events.js";
import { withDimensions } from "../../../ingest/sources/declared.ts";
import { providers } from "../../../ingest/sources/providers.ts";
import { documented, type Meaning } from "./documented-events.ts";

const decode = (provider: string, body: unknown) =>
  providers.get(provider)!.decode({
    headers: { "svix-id": "msg_1" },
    body: Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
  });

function meaning(decoded: ReturnType<typeof decode>[number] | undefined): Meaning {
  if (decoded?.kind !== "signal") return decoded?.reason === "not-a-signal" ? "-" : `dead letter: ${decoded?.reason}`;
  const { eventType, metadata } = decoded.signal;
  return eventType === "bounce" ? `${eventType}/${metadata["class"]}` : eventType;
}

describe.each(Object.entries(documented))("what %s documents", (name, cases) => {
  test.each(cases.map(([what, ...rest]) => [what, rest] as const))(
    "when %s is told then it is what we decided",
    (_what, [body, means, metadata]) => {
      const decoded = decode(name, body);
      expect(decoded).toHaveLength(1);
      expect(meaning(decoded[0])).toBe(means);
      const [one] = decoded;
      if (one?.kind !== "signal") return;
      expect(one.signal.recipient).toBe("kim@example.org");
      expect(one.signal.messageId).toBeTruthy();
      for (const [key, value] of Object.entries(metadata ?? {})) expect(one.signal.metadata[key]).toEqual(value);
      // Nothing that a decoder says is lost at the door.
      const allowed = new Set<string>(events.metadataKeys(one.signal.eventType));
      expect(Object.keys(one.signal.metadata).filter((key) => !allowed.has(key))).toEqual([]);
    },
  );

  test("when its events are looked through then it delivers just the types that it says", () => {
    const told = new Set(cases.map(([, , means]) => means.split("/")[0]).filter((type) => type !== "-"));
    expect([...told].sort()).toEqual([...providers.get(name)!.delivers].sort());
  });
});

test("when every provider is looked up then each has its documented events here", () => {
  expect(Object.keys(documented).sort()).toEqual([...providers.keys()].sort());
});

test.each([
  ["in milliseconds", { ts_epoch: 1_604_933_654_000 }],
  ["in seconds, as the documentation's samples have it", { ts_epoch: 1_604_933_654 }],
  ["beside the event's own seconds only", { ts_event: 1_604_933_654 }],
])("when Brevo gives the time %s then it is that time", (_how, times) => {
  const [one] = decode("brevo", { event: "delivered", email: "kim@example.org", "message-id": "<b>", ...times });
  expect(one).toMatchObject({ signal: { occurredAt: "2020-11-09T14:54:14Z" } });
});

test("when Brevo's two clocks disagree then the event's own time stands, not that of the call", () => {
  const [one] = decode("brevo", {
    event: "click",
    email: "kim@example.org",
    "message-id": "<b>",
    ts_event: 1_604_933_600,
    ts_epoch: 1_604_933_654_000,
  });
  expect(one).toMatchObject({ signal: { occurredAt: "2020-11-09T14:53:20Z" } });
});

test("when Mailjet hands back what the sender passed along then it is kept, and is no id of ours", () => {
  const told = decode("mailjet", {
    event: "sent",
    time: 1_604_933_654,
    MessageID: 19,
    email: "kim@example.org",
    CustomID: "order-77",
    Payload: '{"campaign_id":"spring","variant":"b"}',
  });
  const [one] = withDimensions(told, "mailjet");
  expect(one).toMatchObject({
    signal: {
      eventType: "delivered",
      messageId: "19",
      metadata: { custom_id: "order-77" },
      declared: { campaignId: "spring", variant: "b" },
    },
  });
  const [odd] = decode("mailjet", {
    event: "sent",
    time: 1_604_933_654,
    MessageID: 19,
    email: "kim@example.org",
    Payload: "{oops",
  });
  expect(odd).toMatchObject({ signal: { eventType: "delivered" } });
});

test("when Brevo tells of a campaign's mail then its events share a message, one for each reader", () => {
  const told = (event: string) => ({ event, email: "kim@example.org", camp_id: 12, ts_event: 1_604_933_654 });
  const ids = ["delivered", "opened"].map((event) => {
    const [one] = decode("brevo", told(event));
    return one?.kind === "signal" ? [one.signal.messageId, one.signal.isMessageIdShared, one.signal.campaignId] : one;
  });
  expect(ids).toEqual([
    ["brevo-campaign:12", true, "12"],
    ["brevo-campaign:12", true, "12"],
  ]);
});

/** docs/reference/provider-events.md: the same table for readers. `npx vitest run tests/ingest/sources -u` writes it. */
function page(): string {
  const tables = Object.entries(documented)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, cases]) => {
      const rows = cases.map(([what, , means]) => `| ${what} | ${means === "-" ? "no signal" : means} |`);
      return [`## ${name}`, "", "| they say | it is |", "| --- | --- |", ...rows].join("\n");
    });
  return `# What providers say, and what it is for us

Written by tests/ingest/sources/documented-events.test.ts, which decodes a payload of each kind. \`bounce/hard\` is no such mailbox, \`bounce/soft\` not now,
\`bounce/block\` policy, reputation, or a mail that the provider did not try to send. "No signal" is a decision: such an event is kept as a dead letter with the reason
\`not-a-signal\`. A word that a provider does not document is a dead letter too, so that nothing is passed over in silence.

${tables.join("\n\n")}
`;
}

test("when a reader looks a provider's event up then the page says what the decoder does", async () => {
  await expect(page()).toMatchFileSnapshot("../../../docs/reference/provider-events.md");
});

test("when Mandrill's time comes as text then it is that time, as of a number", () => {
  const told = (ts: unknown) => {
    const calls = [{ event: "open", ts, _id: "m1", msg: { _id: "m1", email: "kim@example.org" } }];
    return decode("mandrill", `mandrill_events=${encodeURIComponent(JSON.stringify(calls))}`)[0];
  };
  expect(told("1769850000")).toEqual(told(1_769_850_000));
  expect(told("1769850000")).toMatchObject({ signal: { occurredAt: "2026-01-31T09:00:00Z" } });
});

import { expect, test } from "vitest";
import { eventCoverage } from "../../ingest/event-coverage.ts";

const typeOf = (coverage: ReturnType<typeof eventCoverage>, name: string) =>
  coverage.types.find((one) => one.event_type === name);

test("when nothing is configured then mails alone deliver, and what nobody delivers is named", () => {
  const coverage = eventCoverage({});
  expect(typeOf(coverage, "bounce")).toMatchObject({ configured: ["mail"] });
  expect(typeOf(coverage, "bounce")?.possible).toEqual(expect.arrayContaining(["sendgrid", "marketo export"]));
  expect(typeOf(coverage, "forward")?.possible).toEqual(["activecampaign export", "hubspot export"]);
  expect(coverage.only_your_own).toEqual(expect.arrayContaining(["summary_view", "spam_trap_hit", "support_case"]));
  expect(coverage.only_your_own).not.toContain("click");
  expect(typeOf(coverage, "inbox_placement")?.possible).toEqual(["seed tests"]);
  expect(typeOf(coverage, "unsubscribe")?.configured).toEqual(["mail"]);
  expect(typeOf(coverage, "open")?.configured).toEqual(["mail"]);
  expect(coverage.not_delivered).toContain("click");
});

test("when a hook and a source are configured then what they deliver is delivered", () => {
  const hook = eventCoverage({ INBOXLOOP_HOOK_POSTMARK_TOKEN: "t" });
  expect(typeOf(hook, "click")?.configured).toEqual(["postmark"]);
  const imap = eventCoverage({ INBOXLOOP_IMAP_PASSWORD: "p" });
  expect(typeOf(imap, "complaint")?.configured).toEqual(["mail", "mail over IMAP"]);
  const own = eventCoverage({ INBOXLOOP_API_KEY_APP: "a-key-that-is-long-enough" });
  expect(own.not_delivered).toEqual([]);
  expect(own.only_your_own).toContain("summary_view");
});

import { join } from "node:path";
import { expect, test } from "vitest";
import { unseal } from "../../../ingest/door/dead-letter.ts";
import { admitDeviceReport } from "../../../ingest/door/device-report.ts";
import { readTime, type Store, summaryReading } from "../../../packages/device/index.ts";
import { ingest, rowsOf, temporaryFolder, testKeys, writeLines } from "../support.ts";

const asked = { "promo-202601": { epsilon: 1, period: "week" } } as const;
const received = Date.UTC(2026, 0, 31) * 1000;
const report = {
  report_id: "0123456789abcdef0123456789abcdef",
  campaign_id: "promo-202601",
  period_at: "2026-01-26T00:00:00Z",
  mechanism: "summary_reading_v1",
  epsilon: 1,
  answer: 2,
};
const store = (): Store => {
  const kept = new Map<string, string>();
  return { get: (key) => kept.get(key), set: (key, text) => void kept.set(key, text) };
};

test("when a device's report comes then it is a row of what it says and of when it came, and of nothing else", () => {
  expect(admitDeviceReport({ table: "device_reports", ...report }, received, asked)).toEqual({
    kind: "row",
    row: { ...report, period_at: Date.UTC(2026, 0, 26) * 1000, epsilon: "1", received_at: received },
  });
});

test.each([
  [{ user_id: "kim@example.org" }, "unexpected-field", "user_id"],
  [{ user_id_hash: null }, "unexpected-field", "user_id_hash"],
  [{ message_id: "" }, "unexpected-field", "message_id"],
  [{ provenance: "app" }, "unexpected-field", "provenance"],
  [{ received_at: "2026-01-30T00:00:00Z" }, "unexpected-field", "received_at"],
  [{ "kim@example.org": 1 }, "unexpected-field", "*"],
  [{ report_id: "kim@example.org" }, "wrong-type", "report_id"],
  [{ report_id: report.report_id.toUpperCase() }, "wrong-type", "report_id"],
  [{ campaign_id: "promo-202602" }, "not-asked", "device_reports of the settings names no such campaign"],
  [{ campaign_id: "constructor" }, "not-asked", "device_reports of the settings names no such campaign"],
  [{ campaign_id: 7 }, "wrong-type", "campaign_id"],
  [{ mechanism: "read_time_v9" }, "unknown-mechanism", "mechanism"],
  [{ mechanism: undefined }, "unknown-mechanism", "mechanism"],
  [{ epsilon: 2 }, "unknown-epsilon", "its campaign asks for reports at 1"],
  [{ epsilon: "1.0" }, "unknown-epsilon", "its campaign asks for reports at 1"],
  [{ epsilon: undefined }, "unknown-epsilon", "its campaign asks for reports at 1"],
  [{ period_at: "2026-01-27T00:00:00Z" }, "not-asked", "no week begins then"],
  [{ period_at: "2026-01-26T00:00:01Z" }, "not-asked", "no week begins then"],
  [{ period_at: "2026-02-02T00:00:00Z" }, "time-in-future", "period_at"],
  [{ period_at: "last week" }, "time-unreadable", "period_at"],
  [{ answer: 4 }, "wrong-type", "answer"],
  [{ answer: -1 }, "wrong-type", "answer"],
  [{ answer: 1.5 }, "wrong-type", "answer"],
  [{ answer: "2" }, "wrong-type", "answer"],
])("when a report has %j then it is refused: %s", (other, reason, detail) => {
  expect(admitDeviceReport({ ...report, ...other }, received, asked)).toEqual({ kind: "refused", reason, detail });
});

test("when a period is a day or a month then it begins with one", () => {
  const kindOf = (period: "day" | "month", period_at: string) =>
    admitDeviceReport({ ...report, period_at }, received, { "promo-202601": { epsilon: 1, period } }).kind;
  expect(kindOf("day", "2026-01-27T00:00:00Z")).toBe("row");
  expect(kindOf("month", "2026-01-01T00:00:00Z")).toBe("row");
  expect(kindOf("month", "2026-01-27T00:00:00Z")).toBe("refused");
});

test("when reports of the library come by a file then they land, once however often they are sent; of what is none no byte is kept", async () => {
  const raw = join(temporaryFolder(), "raw");
  const kept = store();
  const question = { campaign: "promo-202601", period: "2026-01-26", epsilon: 1 } as const;
  const reports = [
    summaryReading(question, "full", kept),
    readTime(question, 12, kept),
    summaryReading(question, "full", store()),
  ].map((one) => ({ table: "device_reports", ...one }));
  const named = { ...reports[0], user_id: "kim@example.org" };
  const file = writeLines(`${raw}.ndjson`, [...reports, reports[0], named, { event_type: "open" }]);
  const [outcome] = await ingest(raw, [file], { context: { deviceReports: asked } });
  expect(outcome).toMatchObject({ received: 6, landed: 3, duplicate: 1, dead_letter: 2 });
  const rows = await rowsOf(raw, "device_reports");
  expect(rows.map(({ report_id }) => report_id)).toEqual(reports.map(({ report_id }) => report_id));
  const letters = await rowsOf(raw, "dead_letters");
  expect(
    letters.map(({ reason, payload }) => [
      reason,
      payload === null ? null : unseal(Buffer.from(String(payload), "base64"), testKeys.deadLetters)?.toString(),
    ]),
  ).toEqual([
    ["unexpected-field", null],
    ["missing-field", '{"event_type":"open"}'],
  ]);
});

test("when nothing is asked of devices then no report lands", async () => {
  const raw = join(temporaryFolder(), "raw");
  const [outcome] = await ingest(raw, [writeLines(`${raw}.ndjson`, [{ table: "device_reports", ...report }])]);
  expect(outcome).toMatchObject({ landed: 0, dead_letter: 1 });
});

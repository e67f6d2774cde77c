import { expect, test } from "vitest";
import { parseSelection, selectionSql, selects } from "../../../ingest/retractions/selection.ts";

const noFile = (): readonly string[] => [];
const micros = (text: string): number => Date.parse(text) * 1000;

test("when rows are asked for then each term narrows them, and ends are half-open", () => {
  const asked = parseSelection(
    "source = 'webhook/mailgun' and type = open, click AND received >= 2026-01-31 and received < 2026-02-01T08:00:00Z",
    noFile,
  );
  expect(asked).toEqual({
    table: "events",
    source: "webhook/mailgun",
    types: new Set(["open", "click"]),
    receivedFrom: micros("2026-01-31T00:00:00Z"),
    receivedTo: micros("2026-02-01T08:00:00Z"),
  });
  const row = { provenance: "webhook/mailgun", event_type: "open", received_at: micros("2026-01-31T00:00:00Z") };
  const isAsked = selects(asked);
  expect(isAsked(row)).toBe(true);
  expect(isAsked({ ...row, received_at: micros("2026-02-01T08:00:00Z") })).toBe(false);
  expect(isAsked({ ...row, received_at: row.received_at - 1 })).toBe(false);
  expect(isAsked({ ...row, event_type: "sent" })).toBe(false);
  expect(isAsked({ ...row, provenance: "webhook/brevo" })).toBe(false);
  expect(selectionSql(asked)).toEqual({
    where: "provenance = @source and received_at >= @received_from and received_at < @received_to",
    params: {
      source: "webhook/mailgun",
      received_from: new Date("2026-01-31T00:00:00Z"),
      received_to: new Date("2026-02-01T08:00:00Z"),
    },
  });
});

test("when ids are asked for then they are the table's own, from the text or from a file", () => {
  const fromFile = parseSelection("table = raw.decisions and id in ids.txt", (path) => [path, "d2"]);
  expect(fromFile).toEqual({ table: "decisions", ids: new Set(["ids.txt", "d2"]) });
  expect(selects(fromFile)({ decision_id: "d2", received_at: 0 })).toBe(true);
  expect(selects(parseSelection("id = 'e1', e2", noFile))({ event_id: "e3", received_at: 0 })).toBe(false);
});

test.each([
  ["type = open or type = click", /none of what can be asked/],
  ["user = jane", /none of what can be asked/],
  ["1 = 1", /none of what can be asked/],
  ["table = consents", /whole table/],
  ["table = ingest_ledger and received >= 2026-01-01", /no rows of raw.ingest_ledger/],
  ["table = retractions and received >= 2026-01-01", /no rows of raw.retractions/],
  ["table = consents and type = open", /has no types/],
  ["table = profiles and id = a", /has no ids/],
  ["received >= soon", /no day/],
  ["source in file.txt", /only ids/],
])("when %s is asked for then it is refused", (text, message) => {
  expect(() => parseSelection(text, noFile)).toThrow(message);
});

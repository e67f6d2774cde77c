import { expect, test } from "vitest";
import features from "../../includes/features.js";
import { encodeInputs } from "../../scoring/encode-inputs.ts";

const list = [
  { name: "sends_7d", type: "number" },
  { name: "sent_weekday", type: "category" },
] as const;

test("when a weekday is spelled as no model has learned it, then it is refused instead of taken for unknown", () => {
  expect(() => encodeInputs(list, [{ sends_7d: 1, sent_weekday: "Tuesday" }])).toThrow(
    /sent_weekday is one of sun, mon, tue/,
  );
  expect(encodeInputs(list, [{ sends_7d: 3n, sent_weekday: "tue" }, {}])).toEqual({
    sends_7d: Float64Array.from([3, Number.NaN]),
    sent_weekday: ["tue", ""],
  });
});

test("when the occasion is told in JavaScript, then it is what the models' SQL says of the same instant", () => {
  expect(features.occasionAt(Date.UTC(2026, 10, 24, 10, 59))).toEqual({ sent_hour: 10, sent_weekday: "tue" });
  expect(features.weekdayOf("at")).toMatch(/when 1 then 'sun' when 2 then 'mon' when 3 then 'tue'/);
});

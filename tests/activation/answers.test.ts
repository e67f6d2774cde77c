import { expect, test } from "vitest";
import { answerOfError, answerOfStatus, retryAfterMs, waitBefore } from "../../activation/answers.ts";
import { Pacer } from "../../activation/pacer.ts";

const now = Date.parse("2026-11-29T10:00:00Z");

test.each([
  ["120", 120_000],
  [" 0 ", 0],
  ["Sun, 29 Nov 2026 10:00:30 GMT", 30_000],
  ["Sun, 29 Nov 2026 09:00:00 GMT", 0],
  ["soon", null],
  [undefined, null],
])("when Retry-After is %s, then the wait is %s ms", (text, expected) =>
  expect(retryAfterMs(text, now)).toBe(expected),
);

test.each([
  [200, undefined],
  [202, undefined],
  [301, "set-up"],
  [400, "refused"],
  [401, "set-up"],
  [404, "set-up"],
  [408, "not-now"],
  [410, "set-up"],
  [422, "refused"],
  [425, "not-now"],
  [429, "not-now"],
  [500, "not-now"],
  [504, "not-now"],
])("when the status is %s, then the answer is %s", (status, kind) =>
  expect(answerOfStatus(status, null, now)?.kind).toBe(kind),
);

const withCode = (code: string) => new TypeError("fetch failed", { cause: Object.assign(new Error("x"), { code }) });
test.each([
  [withCode("ECONNREFUSED"), { kind: "not-now", reason: "ECONNREFUSED", retry_after_ms: null }],
  [withCode("UND_ERR_CONNECT_TIMEOUT"), { kind: "not-now", reason: "UND_ERR_CONNECT_TIMEOUT", retry_after_ms: null }],
  [withCode("CERT_HAS_EXPIRED"), { kind: "set-up", reason: "CERT_HAS_EXPIRED" }],
  [withCode("ECONNRESET"), { kind: "in-doubt", reason: "no-answer" }],
  [new DOMException("t", "TimeoutError"), { kind: "in-doubt", reason: "timeout" }],
  ["?", { kind: "in-doubt", reason: "no-answer" }],
])("when the connection fails with %s, then only what was surely not sent is for later", (error, expected) =>
  expect(answerOfError(error)).toEqual(expected),
);

test("when attempts go on, then waits double up to the longest, and what the receiver asks for is the least", () => {
  const limits = { base: 1000, most: 60_000 };
  expect([1, 2, 3, 7, 50].map((attempt) => waitBefore(attempt, null, limits, 0.999))).toEqual([
    999, 1998, 3996, 59_940, 59_940,
  ]);
  expect(waitBefore(1, null, limits, 0)).toBe(0);
  expect(waitBefore(1, 90_000, limits, 0.5)).toBe(90_000);
});

test("when turns are asked for at once, then they come at the rate, and not before the receiver lets them", async () => {
  let clock = 0;
  const turns: number[] = [];
  const pacer = new Pacer(
    10,
    () => clock,
    async (ms) => {
      clock += ms;
    },
  );
  for (let n = 0; n < 3; n++) {
    await pacer.turn();
    turns.push(clock);
  }
  pacer.hold(5000);
  await pacer.turn();
  turns.push(clock);
  expect(turns).toEqual([0, 100, 200, 5200]);
});

import { expect, test } from "vitest";
import { type AppendAttempt, outcomeOf } from "../../../warehouse/bigquery/append-outcome.ts";

const first: AppendAttempt = { table: "projects/p/datasets/raw/tables/events", offset: 10, isResent: false };
const resent: AppendAttempt = { ...first, isResent: true };
const byDefault: AppendAttempt = { ...first, offset: undefined };
const status = (code: number, message = "said") => ({ error: { code, message } });
const thrown = (code: number, message = "said") => Object.assign(new Error(message), { code });

test.each<[string, Parameters<typeof outcomeOf>[0], AppendAttempt, unknown]>([
  ["the rows are in", {}, first, { kind: "written", isSchemaNew: false }],
  ["the rows are in and the table has changed", { updatedSchema: {} }, first, { kind: "written", isSchemaNew: true }],
  ["ALREADY_EXISTS at our own offset, sent again: they landed", status(6), resent, { kind: "landed-before" }],
  ["the same, as an error", thrown(6), resent, { kind: "landed-before" }],
  ["ALREADY_EXISTS where we never wrote: not our stream alone", status(6), first, { kind: "stream-ended" }],
  ["ALREADY_EXISTS in the default stream: no offset of ours", status(6), byDefault, { kind: "stream-ended" }],
  [
    "OUT_OF_RANGE: a gap, and where it begins",
    status(11, "The offset is beyond stream, expected offset 4, received 10"),
    first,
    { kind: "gap", expected: 4 },
  ],
  ["OUT_OF_RANGE that does not say where", thrown(11), first, { kind: "gap", expected: undefined }],
  ["a finalised stream", status(9, "Stream is finalized"), first, { kind: "stream-ended" }],
  ["a finalised stream, in other words", status(3, "Stream is finalized"), first, { kind: "stream-ended" }],
  ["a stream that is gone", thrown(5), first, { kind: "stream-ended" }],
  ["a table that is not there", thrown(5), byDefault, { kind: "failed", error: { code: "bigquery.table-missing" } }],
  [
    "a column that the table lacks",
    status(3, "Schema mismatch due to extra fields in user schema"),
    first,
    { kind: "schema-lagging" },
  ],
  [
    "a request that is wrong",
    status(3, "Request is too large"),
    first,
    { kind: "failed", error: { code: "bigquery.append-refused" } },
  ],
  ["nobody at home", thrown(14), first, { kind: "try-again" }],
  ["too many for the quota", status(8), first, { kind: "try-again" }],
  ["aborted", thrown(10), first, { kind: "try-again" }],
  ["an error without a code", new Error("ended with no status"), first, { kind: "try-again" }],
  ["no right to write", thrown(7), first, { kind: "failed", error: { code: "bigquery.access" } }],
])(
  // biome-ignore format: a row a case
  "when the answer is %s, then it means this",
  (_what, answer, attempt, outcome) => {
    expect(outcomeOf(answer, attempt)).toMatchObject(outcome as object);
  },
);

test("when rows are refused then their reasons come by index, whatever else the answer says", () => {
  const rowErrors = [{ index: "1", message: "too long" }];
  const rejected = { kind: "rejected-rows", reasonByIndex: new Map([[1, "too long"]]) };
  expect(outcomeOf({ rowErrors, ...status(3) }, first)).toEqual(rejected);
  expect(outcomeOf(Object.assign(thrown(3), { rowErrors }), first)).toEqual(rejected);
});

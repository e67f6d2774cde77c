import { afterAll, beforeAll, expect, test } from "vitest";
import { renderCounted } from "../../../cli/commands/check.ts";
import { countKnownLate } from "../../../warehouse/dataform/leakage/known-late.ts";
import { openDuckDbWarehouse } from "../../../warehouse/duckdb/adapter.ts";
import type { Warehouse } from "../../../warehouse/warehouse.ts";

let warehouse: Warehouse;
beforeAll(async () => {
  warehouse = await openDuckDbWarehouse({ path: ":memory:" });
});
afterAll(() => warehouse.close());

const signal = (user: string, type: string, happened: string, received: string): string =>
  `select '${user}' as user_id_hash, '${type}' as event_type, timestamp '${happened}+00' as occurred_at, timestamp '${received}+00' as received_at`;
const send = (id: string, user: string, at: string): string =>
  `select '${id}' as message_id, '${user}' as user_id_hash, timestamp '${at}+00' as sent_at`;

test("when nothing is built then nothing is counted", async () => {
  expect(await countKnownLate(warehouse)).toBeUndefined();
});

test("when a click is received after the next send then its message is counted, and imported history is told apart", async () => {
  const signals = [
    signal("u1", "click", "2026-01-02 10:00:00", "2026-01-02 10:00:05"), // known in time
    signal("u1", "click", "2026-01-03 10:00:00", "2026-01-05 00:00:00"), // the send of the 4th did not know it
    signal("u1", "open", "2026-01-03 11:00:00", "2026-01-04 09:00:00"), // received at the very send, which did not wait for it
    signal("u2", "click", "2026-01-01 00:00:00", "2026-03-01 00:00:00"), // an export read two months later
    signal("u2", "click", "2026-01-06 00:00:00", "2026-01-07 00:00:00"), // nothing was sent after it
  ];
  const sends = [
    send("m1", "u1", "2026-01-02 12:00:00"),
    send("m2", "u1", "2026-01-04 09:00:00"),
    send("m3", "u2", "2026-01-05 09:00:00"),
  ];
  for (const schema of ["events", "features"]) await warehouse.query(`create schema ${schema}`);
  await warehouse.query(`create table events.events as ${signals.join(" union all ")}`);
  await warehouse.query(`create table events.messages as ${sends.join(" union all ")}`);
  await warehouse.query(
    `create table features.point_in_time as
     select 'message' as moment_kind, message_id as moment_id, if(message_id = 'm3', timestamp_add(sent_at, interval 1 hour), sent_at) as as_of_at from events.messages`,
  );
  const counted = await countKnownLate(warehouse);
  expect(counted).toEqual({
    messages: 3,
    moments_not_at_send: 1,
    late_signals: 2,
    late_messages: 1,
    imported_signals: 1,
  });
  expect(renderCounted(counted!)).toBe(
    [
      "rows  1 of 3 messages are counted up to another instant than their send",
      "rows  1 (33.33 %) have one of 2 signals before them that was received only after the send",
      "rows  1 signals are imported history, of which nobody knows when it was first known",
    ].join("\n"),
  );
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { outcomeOf } from "../../warehouse/bigquery/append-outcome.ts";
import { connectBigQuery, openAppendStreams } from "../../warehouse/bigquery/connect.ts";
import type { AppendStreams, OpenStream } from "../../warehouse/bigquery/streams.ts";
import { TableAppender } from "../../warehouse/bigquery/table-appender.ts";
import type { Warehouse } from "../../warehouse/warehouse.ts";
import { ownBigQuery } from "./support/own-bigquery.ts";

/** Offsets over the wire: Google's managed writer against the emulator's Storage Write API. */
const table = "projects/streams/datasets/shop/tables/events";
const bigquery = await ownBigQuery();
let warehouse: Warehouse;
let streams: AppendStreams;
beforeAll(async () => {
  const target = { projectId: "streams", ...bigquery };
  warehouse = await connectBigQuery(target);
  streams = await openAppendStreams(target);
  await warehouse.execute("create schema shop; create table shop.events (id string, n int64)");
});
afterAll(async () => {
  streams.close();
  await warehouse.close();
});

const send = async (stream: OpenStream, rows: Record<string, unknown>[], offset: number, isResent = false) => {
  const answer = await stream.writer
    .appendRows(rows, offset)
    .getResult()
    .catch((error: Error) => error);
  return outcomeOf(answer, { table, offset, isResent });
};

test("when rows are sent by offset then a repetition has landed before, a gap is told, and the end counts them", async () => {
  const stream = await streams.open(table, "committed");
  expect(await send(stream, [{ id: "a" }, { id: "b" }], 0)).toMatchObject({ kind: "written" });
  expect(await send(stream, [{ id: "a" }, { id: "b" }], 0, true)).toEqual({ kind: "landed-before" });
  expect(await send(stream, [{ id: "z" }], 9)).toMatchObject({ kind: "gap" });
  expect(await send(stream, [{ id: "c" }], 2)).toMatchObject({ kind: "written" });
  expect(await streams.finalize(stream.name)).toBe(3);
  expect(await send(stream, [{ id: "d" }], 3)).toMatchObject({ kind: "stream-ended" });
  expect(await streams.finalize(`${table}/streams/never-was`)).toBeUndefined();
  stream.writer.close();
  expect((await warehouse.query("select id from shop.events order by id")).rows).toEqual([
    { id: "a" },
    { id: "b" },
    { id: "c" },
  ]);
});

test("when a stream ends and the table gets a column under way then the appender goes on in another stream, with the column", async () => {
  await warehouse.execute("create table shop.changing (id string)");
  const sent: string[] = [];
  const appender = new TableAppender({
    streams,
    table: "projects/streams/datasets/shop/tables/changing",
    kind: "committed",
    pause: async () => {},
    beforeSend: async (stream, offset) => void sent.push(`${stream}@${offset}`),
  });
  expect(await appender.append([{ id: "a" }])).toEqual({ kind: "written", rows: 1 });
  await streams.finalize(sent[0]!.split("@")[0]!);
  expect(await appender.append([{ id: "b" }])).toEqual({ kind: "written", rows: 1 });
  expect(await appender.append([{ id: "c", n: 1 }])).toMatchObject({ kind: "schema-lagging" });
  await warehouse.execute("alter table shop.changing add column n int64");
  expect(await appender.append([{ id: "c", n: 1 }])).toEqual({ kind: "written", rows: 1 });
  appender.close();
  expect((await warehouse.query("select id, n from shop.changing order by id")).rows).toEqual([
    { id: "a", n: null },
    { id: "b", n: null },
    { id: "c", n: 1n },
  ]);
});

import { expect, test } from "vitest";
import type { StreamKind } from "../../../warehouse/bigquery/streams.ts";
import { TableAppender } from "../../../warehouse/bigquery/table-appender.ts";
import { type Mishap, memoryStreams } from "./memory-streams.ts";

const table = "projects/p/datasets/raw/tables/events";
const rowsOf = (...ids: string[]) => ids.map((id) => ({ id }));

function appending(kind: StreamKind, mishaps: (Mishap | undefined)[] = []) {
  const streams = memoryStreams(mishaps);
  streams.types.set(table, new Map([["id", "STRING"]]));
  const noted: string[] = [];
  const appender = new TableAppender({
    streams: streams.port,
    table,
    kind,
    columns: [{ name: "id", type: "STRING" }],
    pause: async (attempt) => void streams.actions.push(`pause ${attempt}`),
    beforeSend: async (stream, offset) => void noted.push(`${stream.split("/").at(-1)}@${offset}`),
  });
  const there = () => (streams.tables.get(table) ?? []).map(({ id }) => id);
  return { ...streams, appender, noted, there };
}

test("when an answer is lost then a committed stream is asked again at the same offset, and the rows are there once", async () => {
  const { appender, actions, there, noted } = appending("committed", [undefined, "answer-lost"]);
  await appender.append(rowsOf("a", "b"));
  expect(await appender.append(rowsOf("c"))).toEqual({ kind: "written", rows: 1 });
  expect(await appender.append(rowsOf("d"))).toEqual({ kind: "written", rows: 1 });
  expect(actions).toEqual([
    "open 0", "append 2 at 0", "append 1 at 2", "pause 1", "open 0", "append 1 at 2", "append 1 at 3",
  ]); // biome-ignore format: one line reads better
  expect(there()).toEqual(["a", "b", "c", "d"]);
  expect(noted).toEqual(["0@0", "0@2", "0@3"]);
});

test("when an answer is lost then the default stream has the rows twice, which its readers know", async () => {
  const { appender, there } = appending("default", ["answer-lost"]);
  await appender.append(rowsOf("a"));
  expect(there()).toEqual(["a", "a"]);
});

test("when the stream has ended then the rows go to another one, and that is noted", async () => {
  const { appender, there, noted, port } = appending("committed");
  await appender.append(rowsOf("a"));
  await port.finalize(`${table}/streams/0`);
  await appender.append(rowsOf("b"));
  expect(there()).toEqual(["a", "b"]);
  expect(noted).toEqual(["0@0", "0@1", "1@0"]);
});

test("when an answer is lost and the stream ends before we can ask again then its count says whether the rows are there", async () => {
  for (const [mishap, expected] of [
    ["answer-lost", ["a", "b"]],
    [Object.assign(new Error("unavailable"), { code: 14 }), ["a", "b"]],
  ] as const) {
    const { appender, there, mishaps, port, streams } = appending("committed");
    await appender.append(rowsOf("a"));
    mishaps.push(mishap, { error: { code: 9, message: "Stream is finalized" } });
    expect(await appender.append(rowsOf("b"))).toEqual({ kind: "written", rows: 1 });
    expect(there(), String(mishap)).toEqual(expected);
    expect(await port.finalize(`${table}/streams/0`)).toBe(mishap === "answer-lost" ? 2 : 1);
    expect(streams.size).toBe(mishap === "answer-lost" ? 1 : 2);
  }
});

test("when we are ahead of the stream then we go on at its end; when it has lost what it acknowledged then we stop", async () => {
  const gap = (expected: number) => ({ error: { code: 11, message: `expected offset ${expected}, received 1` } });
  const ahead = appending("committed", [undefined, gap(1)]);
  await ahead.appender.append(rowsOf("a"));
  await ahead.appender.append(rowsOf("b"));
  expect(ahead.there()).toEqual(["a", "b"]);
  const robbed = appending("committed", [undefined, gap(0)]);
  await robbed.appender.append(rowsOf("a"));
  await expect(robbed.appender.append(rowsOf("b"))).rejects.toMatchObject({ code: "bigquery.rows-lost", exitCode: 4 });
});

test("when the table gets a new column then it is taken in with the next append", async () => {
  const { appender, types, there, actions } = appending("committed");
  expect(await appender.append([{ id: "a", note: "n" }])).toMatchObject({ kind: "schema-lagging" });
  types.set(table, new Map([["id", "STRING"], ["note", "STRING"]])); // biome-ignore format: short
  expect(await appender.append([{ id: "a", note: "n" }])).toEqual({ kind: "written", rows: 1 });
  expect(there()).toEqual(["a"]);
  expect(actions).toEqual(["open 0", "open 0", "append 1 at 0"]);
});

test("when the server says that the schema has changed then the next append has a fresh writer on the same stream", async () => {
  const { appender, actions } = appending("default", [{ updatedSchema: { fields: [] } }]);
  await appender.append(rowsOf("a"));
  await appender.append(rowsOf("b"));
  expect(actions).toEqual(["open _default", "append 1", "open _default", "append 1"]);
});

test("when a column changes its type or goes then nothing is written and the error has its name", async () => {
  const other = appending("committed");
  other.types.set(table, new Map([["id", "INT64"]]));
  await expect(other.appender.append(rowsOf("a"))).rejects.toMatchObject({
    code: "bigquery.schema-changed",
    exitCode: 3,
  });
  const gone = appending("committed", [undefined, Object.assign(new Error("x"), { code: 14 })]);
  await gone.appender.append(rowsOf("a"));
  gone.types.set(table, new Map([["other", "STRING"]]));
  await expect(gone.appender.append(rowsOf("b"))).rejects.toMatchObject({
    code: "bigquery.schema-changed",
    message: expect.stringContaining("id is gone"),
  });
  expect(gone.there()).toEqual(["a"]);
});

test("when the table never takes the column, or nobody ever answers, then somebody is told in the end", async () => {
  const { appender } = appending("committed");
  let lags = 0;
  const lagging = async () => {
    for (; (await appender.append([{ id: "a", note: "n" }])).kind === "schema-lagging"; ) lags += 1;
  };
  await expect(lagging()).rejects.toMatchObject({ code: "bigquery.schema-changed" });
  expect(lags).toBe(9);
  const deaf = appending(
    "committed",
    Array.from({ length: 10 }, () => Object.assign(new Error("gone"), { code: 14 })),
  );
  await expect(deaf.appender.append(rowsOf("a"))).rejects.toMatchObject({ code: "bigquery.unavailable", exitCode: 5 });
});

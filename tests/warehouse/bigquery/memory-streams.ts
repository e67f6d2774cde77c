import type { AppendResponse, AppendStreams } from "../../../warehouse/bigquery/streams.ts";

/** What happens to one append: nothing special, an answer in its place, or its own answer getting lost on the way. */
export type Mishap = AppendResponse | Error | "answer-lost";

const lost = () => Object.assign(new Error("the connection broke"), { code: 14 });
const failure = (code: number, message: string) => ({ error: { code, message } });

/**
 * Streams over tables in memory, by the rules of the Storage Write API: a committed stream takes rows at its end, knows an offset
 * that it has, and refuses a gap; the default stream takes what comes. Mishaps are dealt out in order, one an append.
 */
export function memoryStreams(mishaps: (Mishap | undefined)[] = []) {
  const tables = new Map<string, Record<string, unknown>[]>();
  const streams = new Map<string, { table: string; rows: number; isEnded: boolean }>();
  const types = new Map<string, Map<string, string>>();
  const actions: string[] = [];
  const answer = (
    name: string,
    rows: readonly Record<string, unknown>[],
    offset: number | undefined,
  ): AppendResponse => {
    const stream = streams.get(name);
    if (!stream) return failure(5, "the stream is gone");
    if (stream.isEnded) return failure(9, "Stream is finalized");
    if (offset !== undefined && offset < stream.rows)
      return failure(6, `expected offset ${stream.rows}, received ${offset}`);
    if (offset !== undefined && offset > stream.rows)
      return failure(11, `expected offset ${stream.rows}, received ${offset}`);
    tables.set(stream.table, [...(tables.get(stream.table) ?? []), ...rows]);
    stream.rows += rows.length;
    return {};
  };
  const port: AppendStreams = {
    async open(table, kind, name) {
      const stream = name ?? (kind === "default" ? `${table}/streams/_default` : `${table}/streams/${streams.size}`);
      if (!streams.has(stream) && name === undefined) streams.set(stream, { table, rows: 0, isEnded: false });
      actions.push(`open ${stream.split("/").at(-1)}`);
      return {
        name: stream,
        types: types.get(table) ?? new Map(),
        writer: {
          appendRows: (rows, offset) => ({
            getResult: async () => {
              actions.push(`append ${rows.length}${offset === undefined ? "" : ` at ${offset}`}`);
              const mishap = mishaps.shift();
              if (mishap === "answer-lost") {
                answer(stream, rows, offset);
                throw lost();
              }
              if (mishap instanceof Error) throw mishap;
              return mishap ?? answer(stream, rows, offset);
            },
          }),
          close: () => undefined,
        },
      };
    },
    async finalize(name) {
      const stream = streams.get(name);
      if (stream) stream.isEnded = true;
      return stream?.rows;
    },
    close: () => undefined,
  };
  return { port, tables, streams, types, actions, mishaps };
}

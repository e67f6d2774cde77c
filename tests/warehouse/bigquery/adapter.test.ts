import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { BigQuery } from "@google-cloud/bigquery";
import { afterEach, expect, test } from "vitest";
import { type BigQueryClient, openBigQueryWarehouse } from "../../../warehouse/bigquery/adapter.ts";
import type { AppendResponse, AppendStreams } from "../../../warehouse/bigquery/streams.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body: Record<string, never>;
}
type Answer = { readonly status?: number; readonly body: unknown };

/** A loopback server in BigQuery's place: the real client speaks to it, the test says what it answers. */
async function realClientAgainst(answer: (call: Call) => Answer): Promise<{ client: BigQueryClient; calls: Call[] }> {
  const calls: Call[] = [];
  const server = createServer(async (request: IncomingMessage, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const call = { method: request.method ?? "", path: request.url ?? "", body: text ? JSON.parse(text) : {} } as Call;
    calls.push(call);
    const { status = 200, body } = answer(call);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  const { port } = server.address() as AddressInfo;
  const client = new BigQuery({ projectId: "p", apiEndpoint: `http://127.0.0.1:${port}`, autoRetry: false });
  // No account on this machine: requests go out unsigned, everything else is the client as shipped.
  client.authClient.authorizeRequest = async (options: object) => options as never;
  return { client: client as unknown as BigQueryClient, calls };
}

const job = { jobReference: { projectId: "p", jobId: "j1", location: "US" }, status: { state: "RUNNING" } };

test("when a query runs then every GoogleSQL type arrives as the port promises", async () => {
  const { client, calls } = await realClientAgainst(({ method }) =>
    method === "POST"
      ? { body: job }
      : {
          body: {
            jobComplete: true,
            schema: {
              fields: [
                { name: "i", type: "INTEGER" },
                { name: "f", type: "FLOAT" },
                { name: "n", type: "NUMERIC" },
                { name: "b", type: "BYTES" },
                { name: "ok", type: "BOOLEAN" },
                { name: "at", type: "TIMESTAMP" },
                { name: "dt", type: "DATETIME" },
                { name: "tags", type: "STRING", mode: "REPEATED" },
                { name: "s", type: "RECORD", fields: [{ name: "x", type: "INTEGER" }] },
                { name: "none", type: "STRING" },
              ],
            },
            rows: [
              {
                f: [
                  { v: "9007199254740993" },
                  { v: "NaN" },
                  { v: "0.1" },
                  { v: "AAE=" },
                  { v: "true" },
                  { v: "1700000000123456" },
                  { v: "2024-01-31T09:30:00.100000" },
                  { v: [{ v: "a" }, { v: "b" }] },
                  { v: { f: [{ v: "1" }] } },
                  { v: null },
                ],
              },
            ],
          },
        },
  );
  const warehouse = openBigQueryWarehouse({ client, location: "US" });
  const result = await warehouse.query("select @n", { params: { n: 3, list: [1.5], ok: true, at: new Date(0) } });
  expect(result.rows).toEqual([
    {
      i: 9007199254740993n,
      f: Number.NaN,
      n: "0.1",
      b: new Uint8Array([0, 1]),
      ok: true,
      at: "2023-11-14T22:13:20.123456Z",
      dt: "2024-01-31T09:30:00.100",
      tags: ["a", "b"],
      s: { x: 1n },
      none: null,
    },
  ]);
  expect(result.columns.map((column) => column.type)).toEqual([
    "INT64", "FLOAT64", "NUMERIC", "BYTES", "BOOL", "TIMESTAMP", "DATETIME", "ARRAY<STRING>", "STRUCT<x INT64>", "STRING",
  ]); // biome-ignore format: one line a row reads better
  expect(calls[0]?.body).toMatchObject({
    configuration: {
      query: {
        query: "select @n",
        useLegacySql: false,
        parameterMode: "named",
        queryParameters: [
          { name: "n", parameterType: { type: "INT64" }, parameterValue: { value: 3 } },
          { name: "list", parameterType: { type: "ARRAY", arrayType: { type: "FLOAT64" } } },
          { name: "ok", parameterType: { type: "BOOL" }, parameterValue: { value: "true" } },
          { name: "at", parameterType: { type: "TIMESTAMP" }, parameterValue: { value: "1970-01-01T00:00:00.000Z" } },
        ],
      },
    },
  });
});

test("when a result has pages then all of them are read", async () => {
  let page = 0;
  const { client } = await realClientAgainst(({ method }) => {
    if (method === "POST") return { body: job };
    page++;
    return {
      body: {
        jobComplete: true,
        schema: { fields: [{ name: "n", type: "INTEGER" }] },
        rows: [{ f: [{ v: String(page) }] }],
        ...(page < 3 ? { pageToken: `t${page}` } : {}),
      },
    };
  });
  const { rows } = await openBigQueryWarehouse({ client }).query("select n");
  expect(rows).toEqual([{ n: 1n }, { n: 2n }, { n: 3n }]);
});

test("when BigQuery finds an error in the text then it is told with file, line and column", async () => {
  const { client } = await realClientAgainst(() => ({
    status: 400,
    body: { error: { code: 400, message: "Unrecognized name: x at [2:8]", errors: [{ reason: "invalidQuery" }] } },
  }));
  await expect(openBigQueryWarehouse({ client }).query("select\n  x", { file: "a.sqlx" })).rejects.toMatchObject({
    code: "bigquery.invalid-query",
    where: "a.sqlx:2:8",
    exitCode: 4,
  });
});

test("when a job fails then the reason that it names says who has to act", async () => {
  const failing = (reason: string) => {
    const errorResult = { reason, message: reason };
    return realClientAgainst(() => ({
      body: { ...job, status: { state: "DONE", errorResult, errors: [errorResult] } },
    }));
  };
  for (const [reason, code, exitCode] of [
    ["notFound", "bigquery.not-found", 4],
    ["invalidQuery", "bigquery.invalid-query", 4],
    ["accessDenied", "bigquery.access", 5],
    ["quotaExceeded", "bigquery.quota", 5],
    ["stopped", "bigquery.failed", 5],
  ] as const) {
    const { client } = await failing(reason);
    await expect(openBigQueryWarehouse({ client }).query("select 1"), reason).rejects.toMatchObject({ code, exitCode });
  }
});

test("when the quota is used up then the error is remote and says so", async () => {
  const { client } = await realClientAgainst(() => ({
    status: 403,
    body: {
      error: { code: 403, message: "Quota exceeded", errors: [{ reason: "quotaExceeded", message: "Quota exceeded" }] },
    },
  }));
  await expect(openBigQueryWarehouse({ client }).query("select 1")).rejects.toMatchObject({
    code: "bigquery.quota",
    exitCode: 5,
  });
});

test("when a table is not there then it has no columns, and when it is then they carry GoogleSQL types", async () => {
  const { client } = await realClientAgainst(({ path }) =>
    path.includes("missing")
      ? { status: 404, body: { error: { code: 404, message: "Not found" } } }
      : { body: { schema: { fields: [{ name: "a", type: "INTEGER", mode: "REPEATED" }] } } },
  );
  const warehouse = openBigQueryWarehouse({ client });
  expect(await warehouse.columns("raw.missing")).toBeUndefined();
  expect(await warehouse.columns("p.raw.events")).toEqual([{ name: "a", type: "ARRAY<INT64>" }]);
});

test("when Parquet is loaded then a load job appends it with the stated schema", async () => {
  const { client, calls } = await realClientAgainst(({ path }) =>
    path.includes("/jobs")
      ? { body: { ...job, status: { state: "DONE" }, statistics: { load: { outputRows: "5" } } } }
      : { body: {} },
  );
  const { Storage } = await import("@google-cloud/storage");
  const storage = new Storage({ projectId: "p" });
  const warehouse = openBigQueryWarehouse({
    client,
    fileAtUri: (uri) => storage.bucket("b").file(uri.slice("gs://b/".length)),
  });
  const loaded = await warehouse.loadParquet("raw.events", ["gs://b/x.parquet"], [{ name: "at", type: "TIMESTAMP" }]);
  expect(loaded).toEqual({ rows: 5 });
  expect(calls[0]?.body).toMatchObject({
    configuration: {
      load: {
        sourceUris: ["gs://b/x.parquet"],
        sourceFormat: "PARQUET",
        writeDisposition: "WRITE_APPEND",
        destinationTable: { datasetId: "raw", tableId: "events" },
        schema: { fields: [{ name: "at", type: "TIMESTAMP", mode: "NULLABLE" }] },
      },
    },
  });
  await expect(warehouse.loadParquet("raw.events", ["/tmp/x.parquet"], [])).rejects.toMatchObject({
    code: "bigquery.local-file",
  });
});

/** Streams that record what is appended and answer from a script. */
function recordingStreams(script: (AppendResponse | Error)[]) {
  const appended: unknown[] = [];
  const streams: AppendStreams = {
    open: async (table) => ({
      name: `${table}/streams/_default`,
      types: new Map([
        ["event_id", "STRING"],
        ["timestamp_utc", "TIMESTAMP"],
        ["metadata", "JSON"],
        ["n", "INT64"],
      ]),
      writer: {
        appendRows: (rows) => {
          appended.push(rows);
          return {
            getResult: async () => {
              const answer = script.shift() ?? {};
              if (answer instanceof Error) throw answer;
              return answer;
            },
          };
        },
        close: () => undefined,
      },
    }),
    finalize: async () => undefined,
    close: () => undefined,
  };
  return { streams, appended };
}
const noClient = { projectId: "p" } as BigQueryClient;
const row = { event_id: "e", timestamp_utc: "2023-11-14T22:13:20.000001Z", metadata: { a: 1 }, n: 5n };

test("when rows are appended then they cross the wire in the Storage Write API's own forms", async () => {
  const { streams, appended } = recordingStreams([]);
  const warehouse = openBigQueryWarehouse({ client: noClient, streams });
  expect(await warehouse.append("raw.events", [row])).toEqual({ kind: "written", rows: 1 });
  expect(appended).toEqual([[{ event_id: "e", timestamp_utc: 1700000000000001, metadata: '{"a":1}', n: 5 }]]);
});

test("when some rows are refused then their reasons come back by index, and a missing column is a lag", async () => {
  const { streams } = recordingStreams([{ rowErrors: [{ index: "1", message: "too long" }] }]);
  const warehouse = openBigQueryWarehouse({ client: noClient, streams });
  expect(await warehouse.append("raw.events", [row, row])).toEqual({
    kind: "rejected-rows",
    reasonByIndex: new Map([[1, "too long"]]),
  });
  expect(await warehouse.append("raw.events", [{ ...row, brand_new: 1 }])).toMatchObject({ kind: "schema-lagging" });
});

test("when the append finds nobody at home then it is tried again, and when nobody may write then it says so", async () => {
  const gone = Object.assign(new Error("unavailable"), { code: 14 });
  const { streams, appended } = recordingStreams([gone, gone, {}]);
  const pause = async () => {};
  const warehouse = openBigQueryWarehouse({ client: noClient, streams, pause });
  expect(await warehouse.append("raw.events", [row])).toEqual({ kind: "written", rows: 1 });
  expect(appended).toHaveLength(3);
  const refused = recordingStreams([Object.assign(new Error("permission denied"), { code: 7 })]);
  await expect(
    openBigQueryWarehouse({ client: noClient, streams: refused.streams, pause }).append("raw.events", [row]),
  ).rejects.toMatchObject({ code: "bigquery.access", exitCode: 5 });
});

test("when columns get policy tags then the table's schema is written with them, other columns stay, and one that is not there is refused", async () => {
  const fields = [
    { name: "who", type: "STRING", mode: "REQUIRED" },
    { name: "n", type: "INTEGER", policyTags: { names: ["t/old"] } },
    { name: "s", type: "RECORD", fields: [{ name: "x", type: "STRING" }] },
  ];
  const { client, calls } = await realClientAgainst(() => ({ body: { schema: { fields } } }));
  const warehouse = openBigQueryWarehouse({ client });
  await warehouse.setPolicyTags("features.x", new Map([["who", ["t/1"]]]));
  expect(calls.map(({ method, path }) => `${method} ${path.split("?")[0]}`)).toEqual([
    expect.stringMatching(/^GET .*\/datasets\/features\/tables\/x$/),
    expect.stringMatching(/^PATCH .*\/datasets\/features\/tables\/x$/),
  ]);
  expect(calls[1]!.body).toMatchObject({
    schema: { fields: [{ ...fields[0], policyTags: { names: ["t/1"] } }, fields[1], fields[2]] },
  });
  await expect(warehouse.setPolicyTags("features.x", new Map([["gone", ["t/1"]]]))).rejects.toMatchObject({
    code: "bigquery.policy-tag",
  });
  expect(calls.filter(({ method }) => method === "PATCH")).toHaveLength(1);
});

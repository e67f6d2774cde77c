import { type BigQueryClient, type BigQueryWarehouse, openBigQueryWarehouse } from "./adapter.ts";
import { type AppendStreams, type FieldsOfTable, openStreams } from "./streams.ts";

export interface BigQueryTarget {
  readonly projectId: string;
  readonly location?: string | undefined;
  /** An emulator's REST address, as `BIGQUERY_EMULATOR_HOST` has it: `host:port` or a URL. No credentials are asked for then. */
  readonly emulatorHost?: string | undefined;
  /** `host:port` of the emulator's Storage APIs, as `BIGQUERY_STORAGE_EMULATOR_HOST` has it. */
  readonly storageEmulatorHost?: string | undefined;
}

/** Where BigQuery is, from the process's settings. The emulator's variables are those of Google's own tools. */
export const bigQueryEmulator = (
  settings: Readonly<Record<string, string | undefined>>,
): Pick<BigQueryTarget, "emulatorHost" | "storageEmulatorHost"> => ({
  emulatorHost: settings["BIGQUERY_EMULATOR_HOST"] || undefined,
  storageEmulatorHost: settings["BIGQUERY_STORAGE_EMULATOR_HOST"] || undefined,
});

/** Opens the real clients, imported only now because they take a second to load. */
export async function connectBigQuery(target: BigQueryTarget): Promise<BigQueryWarehouse> {
  const [client, { Storage }] = await Promise.all([openClient(target), import("@google-cloud/storage")]);
  const storage = new Storage({ projectId: target.projectId });
  return openBigQueryWarehouse({
    client: client as unknown as BigQueryClient,
    location: target.location,
    fileAtUri: (uri) => {
      const match = /^gs:\/\/([^/]+)\/(.+)$/.exec(uri);
      if (!match?.[1] || !match[2]) throw new Error(`not a gs:// URI: ${uri}`);
      return storage.bucket(match[1]).file(match[2]);
    },
    streams: await openAppendStreams(target),
    writeRows: async (path, columns, pages) =>
      (await import("../duckdb/write-parquet.ts")).writeParquet(path, columns, pages),
  });
}

/** The Storage Write API's streams, for who appends by offset; `connectBigQuery` has them under its `append`. */
export async function openAppendStreams(target: BigQueryTarget): Promise<AppendStreams> {
  const client = await openClient(target);
  const fieldsOfTable: FieldsOfTable = async (table) => {
    const [, , , dataset = "", , name = ""] = table.split("/");
    const [metadata] = await client.dataset(dataset).table(name).getMetadata();
    return metadata.schema?.fields ?? [];
  };
  return openStreams(target, fieldsOfTable);
}

async function openClient(target: BigQueryTarget) {
  const { BigQuery } = await import("@google-cloud/bigquery");
  const options = { projectId: target.projectId, ...(target.location ? { location: target.location } : {}) };
  if (target.emulatorHost === undefined) return new BigQuery(options);
  const { PassThroughClient } = await import("google-auth-library");
  const endpoint = emulatorEndpoint(target.emulatorHost);
  const client = new BigQuery({ ...options, apiEndpoint: endpoint, authClient: new PassThroughClient() as never });
  // The client takes BIGQUERY_EMULATOR_HOST as it stands for the base of every path.
  client.baseUrl = `${endpoint}/bigquery/v2`;
  return client;
}

/** `127.0.0.1:9050`, `http://127.0.0.1:9050/` and `http://127.0.0.1:9050/bigquery/v2` are the same emulator. */
export const emulatorEndpoint = (host: string): string =>
  (/^https?:\/\//.test(host) ? host : `http://${host}`).replace(/\/+$/, "").replace(/\/bigquery\/v2$/, "");

import type { Warehouse } from "../warehouse.ts";
import { type BigQueryClient, openBigQueryWarehouse } from "./adapter.ts";
import type { AppendStreams, RowWriter } from "./append.ts";

export interface BigQueryTarget {
  readonly projectId: string;
  readonly location?: string | undefined;
  /** host:port of an emulator; no credentials are asked for then. */
  readonly emulatorHost?: string | undefined;
}

/** Opens the real clients, imported only now because they take a second to load. */
export async function connectBigQuery(target: BigQueryTarget): Promise<Warehouse> {
  const [{ BigQuery }, { Storage }] = await Promise.all([
    import("@google-cloud/bigquery"),
    import("@google-cloud/storage"),
  ]);
  const client = new BigQuery({
    projectId: target.projectId,
    ...(target.location ? { location: target.location } : {}),
    ...(target.emulatorHost ? { apiEndpoint: target.emulatorHost } : {}),
  });
  const storage = new Storage({ projectId: target.projectId });
  return openBigQueryWarehouse({
    client: client as unknown as BigQueryClient,
    location: target.location,
    fileAtUri: (uri) => {
      const match = /^gs:\/\/([^/]+)\/(.+)$/.exec(uri);
      if (!match?.[1] || !match[2]) throw new Error(`not a gs:// URI: ${uri}`);
      return storage.bucket(match[1]).file(match[2]);
    },
    streams: await openStreams(target.projectId),
  });
}

/** Default-stream writers of the Storage Write API, one per table, opened when first needed. */
export async function openStreams(projectId: string): Promise<AppendStreams> {
  const { adapt, managedwriter, protos } = await import("@google-cloud/bigquery-storage");
  const storage = protos.google.cloud.bigquery.storage.v1;
  const client = new managedwriter.WriterClient({ projectId });
  client.enableWriteRetries(true);
  const open = new Map<string, Promise<{ writer: RowWriter; types: Map<string, string> }>>();
  return {
    open(table) {
      let opening = open.get(table);
      if (!opening) {
        opening = (async () => {
          const stream = await client.getWriteStream({
            streamId: `${table}/streams/_default`,
            view: storage.WriteStreamView.FULL,
          });
          const schema = stream.tableSchema ?? { fields: [] };
          const connection = await client.createStreamConnection({
            streamId: managedwriter.DefaultStream,
            destinationTable: table,
          });
          const writer = new managedwriter.JSONWriter({
            connection,
            protoDescriptor: adapt.convertStorageSchemaToProto2Descriptor(schema, "row"),
          });
          const types = new Map(
            (schema.fields ?? []).map((field) => [field.name ?? "", String(field.type ?? "STRING")]),
          );
          return { writer: writer as unknown as RowWriter, types };
        })();
        opening.catch(() => open.delete(table));
        open.set(table, opening);
      }
      return opening;
    },
    close() {
      for (const opening of open.values()) void opening.then(({ writer }) => writer.close()).catch(() => undefined);
      client.close();
    },
  };
}

import type { BigQueryTarget } from "./connect.ts";

/** A row error as the Storage Write API reports it. */
export interface AppendRowError {
  readonly index?: string | number | { toString(): string } | null;
  readonly message?: string | null;
}

/** A status of google.rpc, as a response carries it. */
export interface RpcStatus {
  readonly code?: number | null;
  readonly message?: string | null;
}

/** What an append came back with: the response's fields that we read. */
export interface AppendResponse {
  readonly rowErrors?: readonly AppendRowError[] | null;
  readonly error?: RpcStatus | null;
  /** The table's schema, when it has changed since the stream was opened. */
  readonly updatedSchema?: unknown;
}

/** An open writer on one stream: `managedwriter.JSONWriter` is one. */
export interface RowWriter {
  appendRows(rows: Record<string, unknown>[], offset?: number): { getResult(): Promise<AppendResponse> };
  close(): void;
}

/**
 * `default`: the table's own stream, for any number of writers; what is sent twice is there twice. `committed`: a stream of this
 * writer alone, in which every row has an offset, so that the same rows at the same offset count once.
 */
export type StreamKind = "default" | "committed";

export interface OpenStream {
  /** `projects/p/datasets/d/tables/t/streams/s`. */
  readonly name: string;
  readonly writer: RowWriter;
  /** The table's columns and their types, which say how to encode each value. */
  readonly types: ReadonlyMap<string, string>;
}

/** The calls of the Storage Write API that we make. */
export interface AppendStreams {
  /** `table` is `projects/p/datasets/d/tables/t`. With `name`, a new connection to a stream that is there. */
  open(table: string, kind: StreamKind, name?: string): Promise<OpenStream>;
  /** Ends a stream for good and says how many rows it took; undefined when nobody knows it any more. */
  finalize(name: string): Promise<number | undefined>;
  close(): void;
}

/** The REST schema's names of types, as the Storage API has them, and the few of the Storage API's that GoogleSQL spells otherwise. */
const storageNames: Readonly<Record<string, string>> = {
  INTEGER: "INT64",
  FLOAT: "DOUBLE",
  FLOAT64: "DOUBLE",
  BOOLEAN: "BOOL",
  RECORD: "STRUCT",
};
const sqlNames: Readonly<Record<string, string>> = { DOUBLE: "FLOAT64" };

interface Field {
  readonly name: string;
  readonly type: string;
  readonly mode: string;
}

/** A table's fields from the REST API, for a server whose stream does not tell them. */
export type FieldsOfTable = (
  table: string,
) => Promise<readonly { readonly name?: string; readonly type?: string; readonly mode?: string }[]>;

/**
 * Streams over the real managed writer. It resends nothing by itself: what to do about an answer is decided in one place
 * (`append-outcome.ts`), by somebody who knows the offsets.
 */
export async function openStreams(target: BigQueryTarget, fieldsOfTable: FieldsOfTable): Promise<AppendStreams> {
  const { adapt, managedwriter, protos } = await import("@google-cloud/bigquery-storage");
  const storage = protos.google.cloud.bigquery.storage.v1;
  const client = new managedwriter.WriterClient(await connection(target));
  client.enableWriteRetries(false);

  const fieldsOf = async (table: string): Promise<readonly Field[]> => {
    const view = storage.WriteStreamView.FULL;
    const { tableSchema } = await client.getWriteStream({ streamId: `${table}/streams/_default`, view });
    const told = tableSchema?.fields ?? [];
    const fields: readonly { readonly name?: unknown; readonly type?: unknown; readonly mode?: unknown }[] =
      told.length > 0 ? told : await fieldsOfTable(table);
    return fields.map(({ name, type, mode }) => ({
      name: String(name ?? ""),
      type: storageNames[String(type)] ?? String(type ?? "STRING"),
      mode: String(mode ?? "NULLABLE"),
    }));
  };

  return {
    async open(table, kind, name) {
      const fields = await fieldsOf(table);
      const stream =
        kind === "default"
          ? `${table}/streams/_default`
          : (name ??
            (await client.createWriteStream({
              streamType: managedwriter.CommittedStream,
              destinationTable: table,
            })));
      const opened = await client.createStreamConnection({ streamId: stream });
      // An error that no append waits for: the next append meets it again, and says so.
      opened.onConnectionError(() => undefined);
      const writer = new managedwriter.JSONWriter({
        connection: opened,
        protoDescriptor: adapt.convertStorageSchemaToProto2Descriptor({ fields: fields as never }, "row"),
      });
      const types = new Map(fields.map((field) => [field.name, sqlNames[field.type] ?? field.type]));
      return { name: stream, writer: writer as unknown as RowWriter, types };
    },
    async finalize(name) {
      try {
        const { rowCount } = await client.finalizeWriteStream({ name });
        return Number(rowCount ?? 0);
      } catch (error) {
        const { code } = error as { code?: number };
        if (code === notFound || code === invalidArgument) return undefined;
        throw error;
      }
    },
    close: () => client.close(),
  };
}

/** gRPC's INVALID_ARGUMENT and NOT_FOUND: a stream that was never there, or has been collected. */
const invalidArgument = 3;
const notFound = 5;

/** How to reach the Storage APIs: an emulator speaks gRPC without TLS and asks for nobody's name. */
async function connection({ projectId, storageEmulatorHost }: BigQueryTarget) {
  if (storageEmulatorHost === undefined) return { projectId };
  const [{ credentials }, { PassThroughClient }] = await Promise.all([
    import("@grpc/grpc-js"),
    import("google-auth-library"),
  ]);
  const [host = "", port = ""] = storageEmulatorHost.split(":");
  return {
    projectId,
    apiEndpoint: host,
    port: Number(port),
    sslCreds: credentials.createInsecure(),
    authClient: new PassThroughClient() as never,
  };
}

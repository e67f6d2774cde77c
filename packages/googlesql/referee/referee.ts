import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Value } from "../duckdb/values.ts";
import type { GoogleSqlType } from "../types.ts";
import { decodeReferee, refereeType, type WireType, type WireValue } from "./referee-values.ts";

const here = dirname(fileURLToPath(import.meta.url));
const service = join(here, "node_modules/@fivetrandevelopers/zetasql/lib/zetasql");

/** Whether `npm ci` has been run in packages/googlesql/referee. Without it there is no referee, and the suite says so. */
const isInstalled = (): boolean =>
  existsSync(join(service, "local_service.proto")) || existsSync(join(service, "protos"));

export const refereeVersion = "@fivetrandevelopers/zetasql 1.13.0";

/** Rows of a table as the service itself gave them, to be handed back to it unread. */
export interface WireTable {
  readonly columns: readonly { readonly name?: string; readonly type: WireType }[];
  readonly content: unknown;
}

export type Verdict =
  | {
      readonly kind: "rows";
      readonly columns: readonly { readonly name: string; readonly type: GoogleSqlType }[];
      readonly rows: readonly (readonly Value[])[];
      readonly wire: WireTable;
    }
  /** `analysis`: the statement is invalid. `evaluation`: valid, and fails on its data. `unserved`: this build cannot do it. */
  | { readonly kind: "error"; readonly phase: "analysis" | "evaluation" | "unserved"; readonly message: string };

/** Milliseconds for one statement. */
const patience = 20_000;

interface Client {
  waitForReady(deadline: number, done: (error?: Error) => void): void;
  close(): void;
  [method: string]: unknown;
}

interface EvaluateResponse {
  readonly content?: { readonly tableData?: { readonly row?: readonly { readonly cell?: readonly WireValue[] }[] } };
  readonly prepared?: { readonly columns?: readonly { readonly name?: string; readonly type: WireType }[] };
}

/** Left out of "everything this build knows", because BigQuery does not have it. */
const notInBigQuery: ReadonlySet<string> = new Set([
  "FEATURE_TIMESTAMP_NANOS",
  "FEATURE_V_1_3_ARRAY_ORDERING",
  "FEATURE_ANONYMIZATION",
]);

/** Needs a rewrite of the tree, and naming one leaves out those that other statements need. */
const privacyFeature = "FEATURE_DIFFERENTIAL_PRIVACY";

/** In BigQuery, and still called unfinished by this build. */
const inBigQuery: readonly string[] = [
  "FEATURE_INTERVAL_TYPE",
  "FEATURE_V_1_3_ANNOTATION_FRAMEWORK",
  "FEATURE_V_1_3_COLLATION_SUPPORT",
  "FEATURE_TIME_BUCKET_FUNCTIONS",
  "FEATURE_INVERSE_TRIG_FUNCTIONS",
  "FEATURE_V_1_4_LIKE_ANY_SOME_ALL_ARRAY",
];

/**
 * Google's reference implementation of GoogleSQL as a service on this machine, set as BigQuery is: external product mode,
 * UTC, microseconds.
 */
export class Referee {
  private readonly child: ChildProcess;
  private readonly client: Client;
  private readonly language: Readonly<Record<string, unknown>>;
  private readonly catalogId: string;
  private readonly more: Readonly<Record<string, unknown>>;

  private constructor(
    child: ChildProcess,
    client: Client,
    language: Readonly<Record<string, unknown>>,
    catalogId: string,
    isPrivate: boolean,
  ) {
    this.more = isPrivate ? { enabledRewrites: ["REWRITE_ANONYMIZATION"] } : {};
    this.child = child;
    this.client = client;
    this.language = language;
    this.catalogId = catalogId;
  }

  /** `isPrivate`: it knows SELECT WITH DIFFERENTIAL_PRIVACY, and no statement that needs another rewrite. */
  static async start(isPrivate = false): Promise<Referee> {
    if (!isInstalled())
      throw new Error("the reference evaluator is not installed; try: npm ci --prefix packages/googlesql/referee");
    const require = createRequire(join(here, "package.json"));
    const grpc = require("@grpc/grpc-js");
    const loader = require("@grpc/proto-loader");
    const port = await freePort();
    const arm = process.arch.startsWith("arm") ? "_arm" : "";
    const binary = join(service, `remote_server${arm}${process.platform === "darwin" ? "" : ".so"}`);
    const child = spawn(binary, ["localhost", String(port)], { stdio: "ignore" });
    const stop = (): void => void child.kill("SIGKILL");
    process.once("exit", stop);
    const definition = loader.loadSync("local_service.proto", {
      includeDirs: [join(service, "protos")],
      longs: String,
      enums: String,
      bytes: Buffer,
      oneofs: true,
    });
    const api = grpc.loadPackageDefinition(definition).zetasql.local_service.ZetaSqlLocalService;
    const size = 256 * 1024 * 1024;
    const client: Client = new api(`localhost:${port}`, grpc.credentials.createInsecure(), {
      "grpc.max_receive_message_length": size,
      "grpc.max_send_message_length": size,
    });
    await new Promise<void>((done, failed) =>
      client.waitForReady(Date.now() + 30_000, (error) => (error ? failed(error) : done())),
    );
    const known = (await callOf(client, "GetLanguageOptions", { maximumFeatures: true })) as Record<string, unknown>;
    const features = new Set([...(known["enabledLanguageFeatures"] as string[]), ...inBigQuery]);
    for (const feature of notInBigQuery) features.delete(feature);
    if (isPrivate) features.add(privacyFeature);
    else features.delete(privacyFeature);
    const language = {
      ...known,
      enabledLanguageFeatures: [...features],
      productMode: "PRODUCT_EXTERNAL",
      nameResolutionMode: "NAME_RESOLUTION_DEFAULT",
    };
    const registered = (await callOf(client, "RegisterCatalog", {
      simpleCatalog: { name: "empty", builtinFunctionOptions: { languageOptions: language } },
    })) as { registeredId: string };
    return new Referee(child, client, language, registered.registeredId, isPrivate);
  }

  /** Evaluates one query over tables, each under one name: to GoogleSQL itself a path in one pair of backquotes is one. */
  async evaluate(sql: string, tables: ReadonlyMap<string, WireTable> = new Map()): Promise<Verdict> {
    const options = { languageOptions: this.language, defaultTimezone: "UTC", ...this.more };
    const request =
      tables.size === 0
        ? { sql, options, registeredCatalogId: this.catalogId }
        : { sql, options, ...this.catalogOf(tables) };
    try {
      const response = (await callOf(this.client, "EvaluateQuery", request)) as EvaluateResponse;
      const wire = { columns: response.prepared?.columns ?? [], content: response.content };
      const columns = wire.columns.map((column) => ({ name: column.name ?? "", type: refereeType(column.type) }));
      const rows = (response.content?.tableData?.row ?? []).map((row) =>
        columns.map((column, i) => decodeReferee(row.cell?.[i] ?? {}, column.type)),
      );
      return { kind: "rows", columns, rows, wire };
    } catch (error) {
      const { code, details, message } = error as { code?: number; details?: string; message: string };
      const phase = code === 3 ? "analysis" : code === 11 ? "evaluation" : "unserved";
      return { kind: "error", phase, message: details ?? message };
    }
  }

  /** The service hands out contents of tables in its outermost catalog alone, so a path stands there as one name. */
  private catalogOf(tables: ReadonlyMap<string, WireTable>) {
    return {
      simpleCatalog: {
        name: "root",
        builtinFunctionOptions: { languageOptions: this.language },
        table: [...tables].map(([name, { columns }], i) => ({
          name,
          serializationId: i + 1,
          column: columns.map((column) => ({ name: column.name, type: column.type })),
        })),
      },
      tableContent: Object.fromEntries([...tables].map(([name, { content }]) => [name, content])),
    };
  }

  /** Stops the service, by the id of the process that `start` made. */
  stop(): void {
    this.client.close();
    this.child.kill("SIGKILL");
  }
}

function callOf(client: Client, method: string, request: unknown): Promise<unknown> {
  return new Promise((done, failed) => {
    const send = client[method] as (
      request: unknown,
      options: { readonly deadline: number },
      reply: (error: Error | null, answer: unknown) => void,
    ) => void;
    const options = { deadline: Date.now() + patience };
    send.call(client, request, options, (error, answer) => (error ? failed(error) : done(answer)));
  });
}

function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (address && typeof address === "object" ? done(address.port) : failed(new Error("no port"))));
    });
  });
}

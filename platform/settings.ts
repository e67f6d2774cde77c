import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { UserError } from "../errors/user-error.ts";
import { attributeDeclarations } from "./attribute-declarations.ts";
import { deviceReportDeclarations } from "./device-report-declarations.ts";
import { sourceDeclarations } from "./source-declarations.ts";

/** The file's name, looked for where a command is started. */
export const settingsFile = "inboxloop.yaml";

const name = z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/, "a lower-case word");
const dataset = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "a dataset's name");

/** Who reads on a target, of either kind. */
const role = name
  .optional()
  .describe(
    "Role of the data policy in which `query`, `why` and `privacy export` read here; `--role` may narrow it and not widen it (roles.md). Everything is shown when not given.",
  );

/** What both kinds of target may say of the way of a signal from the collector to the writer. */
const bus = {
  pubsub_topic: z
    .string()
    .regex(/^projects\/[^/\s]+\/topics\/[^/\s]+$/, "projects/<p>/topics/<t>")
    .optional()
    .describe("Pub/Sub topic on which `ingest serve` puts what it accepts; the home's spool when not given."),
  pubsub_subscription: z
    .string()
    .regex(/^projects\/[^/\s]+\/subscriptions\/[^/\s]+$/, "projects/<p>/subscriptions/<s>")
    .optional()
    .describe("Pub/Sub subscription that `ingest consume` reads; the home's spool when not given."),
};

const localTarget = z
  .strictObject({
    kind: z.literal("local"),
    home: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Folder of the warehouse, raw segments, spool, snapshots, models and logs. `.inboxloop` when not given.",
      ),
    memory: z
      .string()
      .regex(/^\d+(\.\d+)?\s?[KMGT]i?B$/i, "a size like 4GB")
      .optional()
      .describe("What the engine may take of the machine's memory; a quarter when not given."),
    role,
    ...bus,
  })
  .describe("This machine: DuckDB in place of BigQuery, folders in place of buckets.");

const bigQueryTarget = z
  .strictObject({
    kind: z.literal("bigquery"),
    project: z.string().min(1).optional().describe("Google Cloud project; GOOGLE_CLOUD_PROJECT when not given."),
    location: z.string().min(1).optional().describe("BigQuery's region of the datasets; US when not given."),
    ops_dataset: dataset.default("ops").describe("Dataset of the journals: the release log is a table in it."),
    bucket: z
      .string()
      .regex(/^gs:\/\/[a-z0-9][a-z0-9._-]+(\/[^\s]*)?$/, "gs://bucket or gs://bucket/prefix")
      .optional()
      .describe("Where snapshots and models live. Without one they live in the home of this machine."),
    home: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Folder of what stays on this machine: compiled graphs, downloaded snapshots and models, the ingester's state. `.inboxloop` when not given.",
      ),
    role,
    ...bus,
  })
  .describe("Google Cloud: BigQuery, Cloud Storage.");

export const targetSettings = z.discriminatedUnion("kind", [localTarget, bigQueryTarget]);
export type TargetSettings = z.infer<typeof targetSettings>;
export type LocalTargetSettings = z.infer<typeof localTarget>;
export type BigQueryTargetSettings = z.infer<typeof bigQueryTarget>;

export const settingsShape = z.strictObject({
  default_target: name.default("local").describe("The target of a command that names none."),
  targets: z
    .record(name, targetSettings)
    .default({})
    .describe("Targets by name. `local` is there without being written."),
  sources: sourceDeclarations
    .default({})
    .describe("What a provider's tags and arguments mean, by its name; dimensions.md says how."),
  attributes: attributeDeclarations
    .default({})
    .describe(
      "What sources may say of a person beside the listed attributes: source (`*`, `file`, `api/<caller>`), then attribute and its type; attributes.md says how.",
    ),
  device_reports: deviceReportDeclarations
    .default({})
    .describe(
      "What readers' devices may report under local differential privacy, by campaign; device-reports.md says how. Of other campaigns nothing is taken.",
    ),
  isp_lookup: z
    .string()
    .min(1)
    .optional()
    .describe(
      "CSV file of recipients' domains with `mx` (the host that takes their mail) or `isp`; dimensions.md says how.",
    ),
  privacy: z
    .strictObject({
      erase_within_days: z
        .int()
        .min(1)
        .optional()
        .describe("Days from a request to be forgotten until it must be carried out; 30 when not given."),
      retrain_within_days: z
        .int()
        .min(1)
        .optional()
        .describe(
          "Days from an erasure until models that learned from the person must be trained anew; 30 when not given.",
        ),
    })
    .default({})
    .describe("How long requests of people may take."),
});
export type Settings = z.infer<typeof settingsShape>;

/** Every variable that the product reads, with what it is for. Secrets come from here and from nowhere else. */
export const environmentVariables: Readonly<Record<string, { readonly what: string; readonly secret?: boolean }>> = {
  INBOXLOOP_HOME: { what: "The home of a local target that names none." },
  INBOXLOOP_TARGET: { what: "The target of a command that names none; goes before `default_target`." },
  INBOXLOOP_ROLE: {
    what: "The role of the data policy in which `query`, `why` and `privacy export` read; it narrows the target's `role`. roles.md says what it protects.",
  },
  INBOXLOOP_MEMORY: { what: "What the local engine may take of the machine's memory, like `4GB`." },
  INBOXLOOP_ENV: { what: "`production` refuses generated keys, and a local target's home that is not encrypted." },
  INBOXLOOP_HOME_KEY: {
    what: "Key that the home's data key is wrapped under; encryption.md says what it protects.",
    secret: true,
  },
  INBOXLOOP_HOME_KEY_COMMAND: {
    what: "Command that writes that key, in place of INBOXLOOP_HOME_KEY; run without a shell, once a process, its first line counts.",
  },
  INBOXLOOP_DUCKDB_CRYPTO: {
    what: "Path of DuckDB's `httpfs.duckdb_extension`, which an encrypted home needs; where DuckDB keeps what was installed when not given.",
  },
  INBOXLOOP_ID_KEY: { what: "Key of the pseudonyms.", secret: true },
  INBOXLOOP_DEAD_LETTER_KEY: { what: "Key under which dead letters and the spool are sealed.", secret: true },
  INBOXLOOP_UNSUBSCRIBE_ADDRESSES: {
    what: "Addresses of your `List-Unsubscribe`, with commas, `*` for any characters: whatever mail comes to one is an unsubscribe.",
  },
  "INBOXLOOP_API_KEY_<SOURCE>": {
    what: "Key of a caller of `/v1`; its name becomes the events' provenance.",
    secret: true,
  },
  "INBOXLOOP_API_ROUTES_<SOURCE>": {
    what: "What that caller may send, with commas: events (the default), consents, profiles, identity-links, erasures, seed-tests, device-reports, all.",
  },
  "INBOXLOOP_HOOK_<PROVIDER>_<SETTING>": {
    what: "Secrets of a provider's webhook (collector.md lists them).",
    secret: true,
  },
  INBOXLOOP_SNS_CA_FILE: {
    what: "Certificates (PEM) trusted as issuers of Amazon SNS' signing certificates beside Node's; for a collector that reaches no `*.amazontrust.com`.",
  },
  INBOXLOOP_IMAP_PASSWORD: { what: "Password of `ingest mail --imap`.", secret: true },
  INBOXLOOP_IMAP_TOKEN: { what: "OAuth token of `ingest mail --imap`.", secret: true },
  INBOXLOOP_POSTMASTER_TOKEN: { what: "OAuth token of Google Postmaster Tools.", secret: true },
  INBOXLOOP_POSTMASTER_ENDPOINT: { what: "Another address than Google's, for tests." },
  INBOXLOOP_MONITORING_TOKEN: {
    what: "OAuth token of Cloud Monitoring, which counts what waits in Pub/Sub; application default credentials when not given.",
    secret: true,
  },
  INBOXLOOP_MONITORING_ENDPOINT: { what: "Another address than Cloud Monitoring's, for tests." },
  INBOXLOOP_DECISION_KEY: {
    what: "Secret from which arms, hold-outs and exploration are drawn; made of the id key when not given.",
    secret: true,
  },
  INBOXLOOP_KEY: {
    what: "File of the private key of the person who decides (`release`, `change`, `pause`).",
    secret: true,
  },
  INBOXLOOP_GOVERNANCE: {
    what: "Folder of `rights.yaml` and `allowed_signers`; `governance/` of the home when not given.",
  },
  INBOXLOOP_ALERT_WEBHOOK: { what: "URL that a rollback is posted to as JSON.", secret: true },
  INBOXLOOP_ALERT_SLACK: { what: "Incoming webhook of Slack, or of what understands the same.", secret: true },
  INBOXLOOP_ALERT_SMTP: { what: "`smtp://user:password@host:587` for mail about a rollback.", secret: true },
  INBOXLOOP_ALERT_FROM: { what: "Sender of that mail." },
  INBOXLOOP_ALERT_TO: { what: "Recipients of that mail." },
  INBOXLOOP_VERTEX_REGION: { what: "Region of `train --target vertex`." },
  INBOXLOOP_BUCKET: { what: "Bucket of `train --target vertex`." },
  INBOXLOOP_TRAINER_IMAGE: { what: "Container image of `train --target vertex`." },
  INBOXLOOP_VERTEX_ENDPOINT: {
    what: "`host:port` of a server in place of Vertex AI, without encryption; for tests.",
  },
  INBOXLOOP_FAULT_AT: { what: "For the kill tests: dies at this boundary between two durable writes." },
  GOOGLE_CLOUD_PROJECT: { what: "Project of a `bigquery` target that names none." },
  BIGQUERY_EMULATOR_HOST: { what: "REST address of an emulator in place of BigQuery." },
  BIGQUERY_STORAGE_EMULATOR_HOST: { what: "gRPC address of an emulator's Storage APIs." },
  STORAGE_EMULATOR_HOST: { what: "Address of an emulator in place of Cloud Storage." },
  PUBSUB_EMULATOR_HOST: { what: "Address of an emulator in place of Pub/Sub." },
};

/** Reads `inboxloop.yaml` in `dir`; what is not written there has its default. */
export function readSettings(dir: string): Settings {
  const path = join(dir, settingsFile);
  if (!existsSync(path)) return settingsShape.parse({});
  let data: unknown;
  try {
    data = parse(readFileSync(path, "utf8")) ?? {};
  } catch (cause) {
    throw invalid(path, cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : String(cause), cause);
  }
  const parsed = settingsShape.safeParse(data);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw invalid(`${path} at ${issue?.path.join(".") || "the top"}`, issue?.message ?? "");
}

const invalid = (where: string, what: string, cause?: unknown): UserError =>
  new UserError(`the settings cannot be used: ${what}`, {
    code: "settings.invalid",
    exit: "config",
    where,
    next: "docs/reference/settings.md lists every setting",
    cause,
  });

/** The settings of a target: the one asked for, else INBOXLOOP_TARGET's, else the default. */
export function targetNamed(
  settings: Settings,
  asked: string | undefined,
): { readonly name: string; readonly settings: TargetSettings } {
  const wanted = asked || settings.default_target;
  const found = settings.targets[wanted];
  if (found) return { name: wanted, settings: found };
  // The two kinds are targets of their own names, so that nobody has to write a file to begin.
  if (wanted === "local" || wanted === "bigquery") {
    return { name: wanted, settings: targetSettings.parse({ kind: wanted }) };
  }
  throw new UserError(`there is no target "${wanted}"`, {
    code: "settings.no-target",
    exit: "usage",
    where: settingsFile,
    next: `--target ${["local", "bigquery", ...Object.keys(settings.targets)].filter((n, i, all) => all.indexOf(n) === i).join(" | ")}`,
  });
}

import policies from "../../includes/policies.js";
import { namesAddress } from "../../platform/spellings.ts";
import { admitDeviceReport, type DeviceReportsAsked, deviceReportsTable } from "./device-report.ts";
import type { IdHasher } from "./id-hasher.ts";
import { type Micros, parseInstant } from "./instant.ts";
import type { IspOfDomain } from "./isp-lookup.ts";
import { type DeclaredAttributes, fitted, jsonShapes, type ShapeOf, writtenKey } from "./json-columns.ts";
import { scrubbed } from "./metadata.ts";
import { maxIdLength, pseudonymise, type Refusal } from "./pseudonymise.ts";
import { hasRawColumn, isAbsent, type RawRow, rawColumns } from "./raw-row.ts";
import { isRoleAddress } from "./role-address.ts";
import type { DeadLetterReason, Item } from "./signal.ts";
import { columnKind } from "./text-kinds.ts";

export type Admitted =
  | {
      readonly kind: "row";
      readonly table: string;
      readonly row: RawRow;
      /** Paths of what the record held and the table has not or may not hold: `shoe_size`, `attributes.health`, `region`. */
      readonly leftOut: readonly string[];
    }
  | Refusal;

/** Everything that enters passes here: an item becomes a row of a raw table without raw ids, or is refused. */
export type Door = (item: Item, arrival: Micros) => Admitted;

export interface DoorOptions {
  readonly hashId: IdHasher;
  /** Believe a record's own `received_at` (simulation, backfill) where it has one. */
  readonly trustReceivedAt: boolean;
  /** What the sender's own list says of a recipient's domain, where the source names no provider. */
  readonly ispOfDomain?: IspOfDomain | undefined;
  /** What sources may say of a person beside what includes/attributes.js lists. */
  readonly attributes?: DeclaredAttributes | undefined;
  /** What devices are asked to report; without it no report of one is taken. */
  readonly deviceReports?: DeviceReportsAsked | undefined;
}

/** The source of rows that come by files. */
export const fileSource = "file";

export function createDoor(options: DoorOptions): Door {
  const { hashId, trustReceivedAt, ispOfDomain, attributes, deviceReports = {} } = options;
  const shapeOf = jsonShapes(attributes);
  const arrivalOf = (told: unknown, arrival: Micros): Micros | undefined =>
    !trustReceivedAt || told === undefined || told === null || told === "" ? arrival : parseInstant(told);

  return (item, arrival) => {
    if (item.kind === "dead-letter") return item;
    if (item.kind === "signal") {
      const received = arrivalOf(item.receivedAt, arrival);
      if (received === undefined) return refuse("time-unreadable", "received_at");
      const made = pseudonymise(item.signal, received, hashId, ispOfDomain);
      return made.kind === "row" ? bounded("events", made.row, made.leftOut) : made;
    }
    const received = arrivalOf(item.values["received_at"], arrival);
    if (received === undefined) return refuse("time-unreadable", "received_at");
    if (item.table === deviceReportsTable) {
      const report = admitDeviceReport(item.values, received, deviceReports, trustReceivedAt);
      if (report.kind === "row") return { ...report, table: item.table, leftOut: [] };
      return { ...refuse(report.reason, report.detail), isNotKept: true };
    }
    const made = admitRow(item, received, hashId, shapeOf);
    if (made.kind !== "row" || item.table !== "profiles" || made.row["isp"]) return made;
    const isp = ispOfDomain?.(String(made.row["recipient_domain"] ?? ""));
    return isp === undefined ? made : { ...made, row: { ...made.row, isp } };
  };
}

const purposes: ReadonlySet<string> = new Set(policies.purposes as readonly string[]);

/** Columns without which a row says nothing. */
const required: Readonly<Record<string, readonly string[]>> = {
  campaigns: ["campaign_id"],
  profiles: ["user_id_hash"],
  consents: ["user_id_hash", "purpose", "is_granted", "effective_at"],
  identity_links: ["left_id", "right_id"],
  suppressions: ["user_id_hash", "reason"],
  seed_tests: ["seed_test_id", "isp", "tested_at"],
  dmarc_reports: ["report_id"],
  tls_reports: ["report_id"],
  postmaster_stats: ["domain", "metric", "day_at", "value"],
  decisions: ["decision_id", "user_id_hash", "decided_at"],
  human_labels: ["message_id", "label"],
  erasure_requests: ["user_id_hash", "requested_at"],
  erasures: ["erasure_request_id", "erasure_id", "requested_at", "erased_at"],
  erased_ids: ["id_digest", "id_hint", "stated_at"],
  retractions: ["retraction_id", "stated_at"],
  release_entries: ["log_id", "log_sequence", "entry_hash", "entry_kind", "decided_at"],
};

/** Fields of a row's record that are no column of every table: read under another name, or said of the record itself. */
const otherFields = new Set(["table", "user_id", "provenance", "provenance_id"]);

function admitRow(
  { table, values, source = fileSource }: Extract<Item, { kind: "row" }>,
  received: Micros,
  hashId: IdHasher,
  shapeOf: ShapeOf,
): Admitted {
  const leftOut: string[] = [];
  for (const key in values)
    if (!isAbsent(values[key]) && !otherFields.has(key) && !hasRawColumn(table, key)) leftOut.push(writtenKey(key));
  const row: Record<string, string | number | boolean | object | null> = {};
  for (const { name, type } of rawColumns(table)) {
    if (name === "received_at") {
      row[name] = received;
      continue;
    }
    let value = values[name];
    if (name === "user_id_hash" && isAbsent(value)) value = values["user_id"];
    if (name === "provenance" && (value === undefined || value === null)) value = values["provenance_id"];
    if (isAbsent(value)) {
      if (required[table]?.includes(name)) return refuse("missing-field", name);
      row[name] = null;
      continue;
    }
    const cast = type === "JSON" ? fitted(shapeOf(table, name, source), value, name, leftOut) : castTo(type, value);
    if (cast === undefined && (type !== "JSON" || required[table]?.includes(name)))
      return refuse(type === "TIMESTAMP" ? "time-unreadable" : "wrong-type", name);
    if (typeof cast !== "string" || type === "JSON") {
      row[name] = (cast ?? null) as RawRow[string];
      continue;
    }
    const kind = columnKind(name);
    if ((kind === "person" || kind === "id") && cast.length > maxIdLength) return refuse("too-large", name);
    if (kind === "person" || (name === "labelled_by" && namesAddress(cast))) row[name] = hashId(cast);
    else row[name] = scrubbed(kind, cast.trim(), { hashId }) ?? null;
    if (row[name] === null) leftOut.push(name);
  }
  if (table === "consents") {
    const purpose = String(row["purpose"]).toLowerCase();
    // A statement that no model could read must not look as if it counted.
    if (!purposes.has(purpose)) return refuse("unknown-purpose", `purpose is none of ${[...purposes].join(", ")}`);
    row["purpose"] = purpose;
  }
  // After the door an address is a hash, and what it said of its owner is gone.
  if (table === "identity_links") {
    for (const side of ["left", "right"]) {
      const id = values[`${side}_id`];
      if (typeof id === "string") row[`${side}_is_role`] = isRoleAddress(id) ?? row[`${side}_is_role`] ?? null;
    }
  }
  return bounded(table, row, leftOut);
}

/** A row larger than this is a dead letter: every writer (segments, Storage Write API) takes what is smaller. */
export const maxRowBytes = 2 << 20;

const bounded = (table: string, row: RawRow, leftOut: readonly string[]): Admitted =>
  isLarger(row, maxRowBytes)
    ? refuse("too-large", `a row of more than ${maxRowBytes >> 20} MiB`)
    : { kind: "row", table, row, leftOut };

/** Whether a value takes more bytes as JSON, at least; by the lengths of its texts, and without writing it. */
function isLarger(value: unknown, most: number): boolean {
  let left = most;
  const count = (one: unknown): void => {
    if (left < 0) return;
    if (typeof one === "string") left -= one.length + 2;
    else if (one === null || typeof one !== "object") left -= 4;
    else if (Array.isArray(one)) for (const item of one) count(item);
    else
      for (const key in one) {
        left -= key.length + 3;
        count((one as Readonly<Record<string, unknown>>)[key]);
      }
  };
  count(value);
  return left < 0;
}

function castTo(type: string, value: unknown): string | number | boolean | undefined {
  switch (type) {
    case "STRING":
      return typeof value === "string"
        ? value
        : typeof value === "number" || typeof value === "bigint"
          ? String(value)
          : undefined;
    case "BOOL":
      return typeof value === "boolean" ? value : undefined;
    case "INT64": {
      const number = typeof value === "bigint" ? Number(value) : value;
      return Number.isSafeInteger(number) ? (number as number) : undefined;
    }
    case "TIMESTAMP":
      return parseInstant(value);
    default:
      return undefined;
  }
}

const refuse = (reason: DeadLetterReason, detail: string): Refusal => ({ kind: "dead-letter", reason, detail });

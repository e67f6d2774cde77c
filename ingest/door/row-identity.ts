import events from "../../includes/events.js";
import { canonicalLine, type RawRow, storedJson } from "./raw-row.ts";

/**
 * What names a row of a table: of events the id with its type and whom it is about (`subjectOf`), of others everything that they say
 * except when it came.
 */
export function rowKey(table: string, row: RawRow): string {
  if (table === "events") return `${row["event_id"]} ${row["event_type"]} ${subjectOf(row)}`;
  return canonicalLine({ ...row, received_at: null });
}

/**
 * What a row says beside its key, except when it came and by what clock that was judged: two rows under one key that differ in it are not the
 * same record. The order of metadata's keys is nobody's statement. Empty where the key says all.
 */
export function rowContent(table: string, row: RawRow): string {
  if (table !== "events") return "";
  const { user_id_hash, campaign_id, timestamp_utc, consent, provenance, metadata } = row;
  const isTimeAssumed = (metadata as { readonly is_time_assumed?: unknown } | null)?.is_time_assumed === true;
  const at = isTimeAssumed ? "" : timestamp_utc;
  return `${user_id_hash} ${campaign_id} ${at} ${consent} ${provenance} ${metadataText(metadata)}`;
}

function metadataText(value: unknown): string {
  if (value === null || typeof value !== "object") return String(value);
  const fields = value as Readonly<Record<string, unknown>>;
  const keys = Object.keys(fields);
  if (keys.some((key, at) => at > 0 && key < keys[at - 1]!)) keys.sort();
  let text = "";
  for (const key of keys) {
    if (key === "clock_skew_seconds") continue;
    const field = fields[key];
    text += `${key}:${typeof field === "object" ? storedJson(field) : field};`;
  }
  return text;
}

const idsOfADay = new Set<unknown>(events.idsOfADay);

/**
 * Ids of events are as unique as their provider promises, and no more: within a message; where none is named, of one person; and of one
 * day where the provider says so (includes/events.js). definitions/staging/stg_raw__events.sqlx has the same in SQL.
 */
function subjectOf(row: RawRow): string {
  const message = row["message_id"];
  if (message !== null && message !== undefined) return String(message);
  const user = String(row["user_id_hash"] ?? "");
  if (!idsOfADay.has(row["provenance"])) return user;
  return `${user} ${Math.floor((row["timestamp_utc"] as number) / 86_400e6)}`;
}

/** The key of an event in a segment, as SQL of DuckDB: what `rowKey` gives for the row. */
export const eventKeySql = `event_id || ' ' || event_type || ' ' || coalesce(message_id, coalesce(user_id_hash, '') ||
  if(provenance in (${(events.idsOfADay as readonly string[]).map((one) => `'${one}'`).join(", ")}), ' ' || floor(epoch_us(timestamp_utc) / 86400000000)::bigint, ''))`;

import events from "../../includes/events.js";
import { type RawRow, storedJson } from "./raw-row.ts";

/**
 * `canonicalLine` of a row of raw.events, written out by hand: one is made for each event that lands, in half the time.
 * Columns are those of includes/raw_tables.js, in their order.
 */
export function eventLine(row: RawRow): string {
  return (
    `{"event_id":${text(row["event_id"])},"event_type":${text(row["event_type"])}` +
    `,"user_id_hash":${text(row["user_id_hash"])},"message_id":${text(row["message_id"])}` +
    `,"campaign_id":${text(row["campaign_id"])},"timestamp_utc":${micros(row["timestamp_utc"])}` +
    `,"received_at":${micros(row["received_at"])},"consent":${row["consent"]},"provenance":${text(row["provenance"])}` +
    `,"metadata":${metadataJson(row["metadata"])},"schema_version":${row["schema_version"]}}`
  );
}

/** Texts that JSON writes as they are. */
const isPlain = /^[ !#-[\]-~]*$/;

const text = (value: unknown): string =>
  typeof value === "string" && isPlain.test(value) ? `"${value}"` : storedJson(value);

const threeDigits = Array.from({ length: 1000 }, (_, n) => String(n).padStart(3, "0"));

/** An instant, in parts: the engine takes its time to write a number of more than 31 bits. */
function micros(value: unknown): string {
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) >= 2e15) return storedJson(value);
  const seconds = Math.floor((value as number) / 1e6);
  if (seconds === 0) return storedJson(value);
  const rest = (value as number) - seconds * 1e6;
  const thousands = Math.floor(rest / 1000);
  return `${seconds}${threeDigits[thousands]}${threeDigits[rest - thousands * 1000]}`;
}

const keys = new Set<unknown>((events.names as readonly string[]).flatMap((name) => events.metadataKeys(name)));

/** Quick where it is an object of known keys with plain texts, small whole numbers and truths. */
function metadataJson(value: unknown): string {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return storedJson(value);
  const fields = value as Readonly<Record<string, unknown>>;
  let json = "";
  for (const key in fields) {
    const field = fields[key];
    const before = json === "" ? '{"' : ',"';
    if (!keys.has(key)) return storedJson(value);
    if (typeof field === "string" && isPlain.test(field)) json += `${before}${key}":"${field}"`;
    else if ((typeof field === "number" && (field | 0) === field) || typeof field === "boolean") {
      json += `${before}${key}":${field}`;
    } else return storedJson(value);
  }
  return json === "" ? "{}" : `${json}}`;
}

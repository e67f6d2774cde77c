import suppressions from "../../includes/suppressions.js";
import { csvCell } from "../../platform/csv.ts";
import { parseInstant } from "../door/instant.ts";

/** One entry of a list of addresses not to be written to, as its source says it. The address is raw: only the door may keep it. */
export interface ListEntry {
  readonly address: string;
  readonly reason: string;
  readonly scope: "all" | "list";
  readonly scopeKey?: string | undefined;
  /** ISO 8601, or epoch milliseconds; undefined where the list does not say. */
  readonly sinceAt?: string | number | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

interface Format {
  /** Where a document keeps its entries, beside being an array of them. */
  readonly entriesIn: readonly string[];
  /** What an entry says; undefined where it names no address. */
  readonly read: (fields: Fields) => (Omit<ListEntry, "scope"> & { readonly scope?: "all" | "list" }) | undefined;
  /** Addresses in the form in which the provider takes them in, each with the reason of ours. */
  readonly write: (entries: readonly { readonly address: string; readonly reason: string }[]) => string;
}

const text = (fields: Fields, ...names: readonly string[]): string | undefined => {
  for (const wanted of names)
    for (const [name, value] of Object.entries(fields)) {
      if (name.trim().toLowerCase() !== wanted.toLowerCase()) continue;
      if (typeof value === "string" && value.trim() !== "") return value.trim();
      if (typeof value === "number") return String(value);
    }
  return undefined;
};

/** Seconds or milliseconds since 1970, ISO 8601, or a date as in a mail's header (RFC 5322), which Mailgun uses. */
function instant(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (/^\d{9,13}$/.test(value)) return new Date(Number(value) * (value.length > 11 ? 1 : 1000)).toISOString();
  if (parseInstant(value) !== undefined) return value;
  const millis = Date.parse(value);
  return Number.isNaN(millis) ? value : new Date(millis).toISOString();
}

const csv = (header: string | undefined, rows: readonly (readonly string[])[]): string =>
  `${[...(header === undefined ? [] : [header]), ...rows.map((row) => row.map(csvCell).join(","))].join("\n")}\n`;
const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const isComplaint = (reason: string): boolean => reason === "complaint";

/**
 * The lists of the providers, as their documentation has them:
 *
 *   ses       ListSuppressedDestinations, and the CSV and NDJSON of a bulk import   docs.aws.amazon.com/ses (sending-email-suppression-list)
 *   sendgrid  bounces, blocks, invalid emails, spam reports, global and group unsubscribes, as JSON or as exported CSV
 *   mailgun   bounces, unsubscribes and complaints, as JSON or CSV
 *   postmark  the dump of a message stream's suppressions
 *   brevo     blocked contacts of transactional mail, as JSON, and exported CSV
 */
const formats: Readonly<Record<string, Format>> = {
  ses: {
    entriesIn: ["SuppressedDestinationSummaries", "SuppressedDestination"],
    read(fields) {
      const address = text(fields, "EmailAddress", "email");
      if (address === undefined) return undefined;
      const reason = text(fields, "Reason")?.toUpperCase();
      return {
        address,
        reason: reason === "COMPLAINT" ? "complaint" : reason === "BOUNCE" ? "hard_bounce" : "manual",
        sinceAt: instant(text(fields, "LastUpdateTime")),
      };
    },
    write: (entries) =>
      csv(
        undefined,
        entries.map(({ address, reason }) => [address, isComplaint(reason) ? "COMPLAINT" : "BOUNCE"]),
      ),
  },
  sendgrid: {
    entriesIn: ["result", "suppressions"],
    read(fields) {
      const address = text(fields, "email");
      if (address === undefined) return undefined;
      const group = text(fields, "group_name", "group_id");
      const has = (name: string) => Object.keys(fields).some((key) => key.trim().toLowerCase() === name);
      // The lists do not name themselves; each has fields of its own.
      const reason = group
        ? "unsubscribe"
        : has("status")
          ? "hard_bounce"
          : has("reason")
            ? "invalid_address"
            : has("ip")
              ? "complaint"
              : "unsubscribe";
      return {
        address,
        reason,
        scope: group ? "list" : "all",
        scopeKey: group,
        sinceAt: instant(text(fields, "created", "created_at")),
      };
    },
    write: (entries) => json({ recipient_emails: entries.map(({ address }) => address) }),
  },
  mailgun: {
    entriesIn: ["items"],
    read(fields) {
      const address = text(fields, "address");
      if (address === undefined) return undefined;
      const given = fields["tags"] ?? text(fields, "tag");
      const tags = (Array.isArray(given) ? given : given === undefined ? [] : [given]).map(String);
      const isUnsubscribe = tags.length > 0;
      const isBounce = text(fields, "code", "error") !== undefined;
      const tag = tags.includes("*") ? undefined : tags[0];
      return {
        address,
        reason: isUnsubscribe ? "unsubscribe" : isBounce ? "hard_bounce" : "complaint",
        scope: tag === undefined ? "all" : "list",
        scopeKey: tag,
        sinceAt: instant(text(fields, "created_at")),
      };
    },
    write: (entries) =>
      csv(
        "address,tag",
        entries.map(({ address }) => [address, "*"]),
      ),
  },
  postmark: {
    entriesIn: ["Suppressions"],
    read(fields) {
      const address = text(fields, "EmailAddress");
      if (address === undefined) return undefined;
      const reason = text(fields, "SuppressionReason")?.toLowerCase();
      const isOwn = text(fields, "Origin")?.toLowerCase() === "recipient";
      return {
        address,
        reason:
          reason === "hardbounce"
            ? "hard_bounce"
            : reason === "spamcomplaint"
              ? "complaint"
              : isOwn
                ? "unsubscribe"
                : "manual",
        sinceAt: instant(text(fields, "CreatedAt")),
      };
    },
    write: (entries) => json({ Suppressions: entries.map(({ address }) => ({ EmailAddress: address })) }),
  },
  brevo: {
    entriesIn: ["contacts"],
    read(fields) {
      const address = text(fields, "email");
      if (address === undefined) return undefined;
      const given = fields["reason"];
      const code = (
        (given !== null && typeof given === "object" ? text(given as Fields, "code") : text(fields, "reason")) ?? ""
      ).toLowerCase();
      const reason = code.includes("unsub")
        ? "unsubscribe"
        : code.includes("spam") || code.includes("complaint")
          ? "complaint"
          : code.includes("bounce")
            ? "hard_bounce"
            : code.includes("invalid")
              ? "invalid_address"
              : "manual";
      return { address, reason, sinceAt: instant(text(fields, "blockedAt", "blocked_at", "date")) };
    },
    write: (entries) =>
      csv(
        "EMAIL",
        entries.map(({ address }) => [address]),
      ),
  },
  // Our own: a file of a person's work, or of a system that is none of the above.
  inboxloop: {
    entriesIn: ["suppressions"],
    read(fields) {
      const address = text(fields, "address", "email", "user_id", "user_id_hash");
      if (address === undefined) return undefined;
      const reason = text(fields, "reason")?.toLowerCase().replaceAll(/[- ]/g, "_") ?? "manual";
      const list = text(fields, "list", "scope_key");
      return {
        address,
        reason: suppressions.names.includes(reason) ? reason : "manual",
        scope: list === undefined ? "all" : "list",
        scopeKey: list,
        sinceAt: instant(text(fields, "since_at", "since", "created_at")),
      };
    },
    write: (entries) =>
      csv(
        "address,reason",
        entries.map(({ address, reason }) => [address, reason]),
      ),
  },
};

/** The formats that `readSuppressions` and `writeSuppressions` know. */
export const suppressionFormats: readonly string[] = Object.keys(formats);

const formatOf = (name: string): Format => {
  const format = formats[name];
  if (!format) throw new Error(`no format of suppressions "${name}"`);
  return format;
};

/** The entries of a document, of one entry, or of a record of a CSV; undefined stands for one that names no address. */
export function readSuppressions(format: string, value: unknown): readonly (ListEntry | undefined)[] {
  const { entriesIn, read } = formatOf(format);
  const holder = value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Fields) : {};
  const inside = entriesIn.map((name) => holder[name]).find((found) => found !== undefined);
  const list = Array.isArray(value)
    ? value
    : Array.isArray(inside)
      ? inside
      : inside === undefined
        ? [value]
        : [inside];
  return list.map((one) => {
    if (typeof one === "string") return { address: one, reason: "manual", scope: "all" };
    if (one === null || typeof one !== "object" || Array.isArray(one)) return undefined;
    const entry = read(one as Fields);
    return entry && { ...entry, scope: entry.scope ?? "all" };
  });
}

/** A list as its provider takes it in. */
export const writeSuppressions = (
  format: string,
  entries: readonly { readonly address: string; readonly reason: string }[],
): string => formatOf(format).write(entries);

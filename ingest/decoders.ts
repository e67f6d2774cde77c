import { isUtf8 } from "node:buffer";
import type { SourceDeclarations } from "../platform/source-declarations.ts";
import { unpackHook } from "./collector/hook-message.ts";
import { consentStatements, isConsentSignal } from "./consent-signals/consent-signal.ts";
import { decodeLine, decodeRecord, decodeText } from "./door/decode.ts";
import { deviceReportsTable } from "./door/device-report.ts";
import type { IdHasher } from "./door/id-hasher.ts";
import { hasRawColumn } from "./door/raw-row.ts";
import type { Item } from "./door/signal.ts";
import { type CsvValue, csvRecords } from "./files/csv.ts";
import { decodeMail } from "./mail/decode-mail.ts";
import type { OwnMail } from "./mail/own-mail.ts";
import { applyMapping } from "./mapping/apply.ts";
import type { Details } from "./mapping/details.ts";
import type { Lookups } from "./mapping/lookups.ts";
import type { Mapping } from "./mapping/schema.ts";
import type { Message } from "./pipeline.ts";
import { decodeAuthenticationReport } from "./reports/decode-report.ts";
import { decodePlacement } from "./seeds/placement.ts";
import { decodePostmasterDay } from "./seeds/postmaster-stats.ts";
import { withDimensions } from "./sources/declared.ts";
import { providers } from "./sources/providers.ts";
import { decodeSuppressions } from "./suppressions/decode-suppressions.ts";

export type Decode = (message: Message) => readonly Item[] | Promise<readonly Item[]>;

export interface DecoderOptions {
  readonly hashId: IdHasher;
  readonly mapping?: Mapping | undefined;
  /** Names the file by its content; rows of mapped files take their identity from it. */
  readonly fileId: string;
  /** Of mapped files, without its folder. */
  readonly fileName?: string | undefined;
  /** What the sender's own mails look like. */
  readonly mail?: OwnMail | undefined;
  /** What senders declare of their providers' tags and arguments. */
  readonly sources?: SourceDeclarations | undefined;
  /** The raw table of records that name none. */
  readonly table?: string | undefined;
  /** What other files of the run say of records of this one. */
  readonly details?: Details | undefined;
  /** Records of other files of the run in which a mapping looks values up. */
  readonly lookups?: Lookups | undefined;
  /** Of mapped files: nothing in the file speaks against UTC, where neither times nor mapping name a zone. */
  readonly mayAssumeUtc?: boolean | undefined;
}

const provenance = "file";

/** Whether `decoderFor` has a decoder for a kind. */
export const isDecoderKind = (kind: string): boolean =>
  /^(?:ndjson|json|mail|dmarc|postmaster|mapped-.*|seeds-.*|suppressions-.*|api-.*)$/.test(kind) ||
  providers.has(kind.replace(/^hook-/, ""));

/**
 * The decoder of a kind of record: `ndjson` and `json` are our own shape, `api-<source>` (`api-<source>/<table>`) the same from the collector,
 * `mapped-*` go through the mapping, `seeds-*` are results of seed tests, `suppressions-*` providers' lists, `postmaster` a day of a domain's statistics,
 * `mail` is a bounce, complaint or automatic reply, `dmarc` an authentication report,
 * `hook-<provider>` a webhook call, and a provider's name alone the body of one. Kinds stand before the colon in a
 * source's name. A consent that comes as a signal of a browser or a banner is the statements that it makes.
 */
export function decoderFor(kind: string, options: DecoderOptions): Decode {
  const decode = plainDecoder(kind, options);
  const stated = (items: readonly Item[]): readonly Item[] =>
    items.some(isConsentSignal) ? items.flatMap(consentStatements) : items;
  return (message) => {
    const items = decode(message);
    return items instanceof Promise ? items.then(stated) : stated(items);
  };
}

function plainDecoder(kind: string, options: DecoderOptions): Decode {
  if (kind === "mail")
    return async ({ data }) => orNothing(withDimensions(await decodeMail(data, options.mail), "mail", options.sources));
  if (kind === "postmaster") return ({ data }) => orNothing(decodePostmasterDay(data));
  if (kind.startsWith("seeds-")) return seeds(options, kind);
  if (kind.startsWith("suppressions-")) return suppressions(kind);
  if (kind === "dmarc") return async ({ data }) => orNothing(await decodeAuthenticationReport(data));
  if (kind.startsWith("api-")) {
    const [source = "", table = "events"] = kind.slice("api-".length).split("/", 2);
    return ({ data }) => [decodeApiRecord(data, table, `api/${source}`)];
  }
  if (kind.startsWith("hook-")) return hookDecoder(kind.slice("hook-".length), options.sources);
  if (kind === "ndjson") return options.table ? (message) => [decodeInto(message, options.table!)] : ownLine;
  if (kind === "json") return (message) => decodeDocument(message, options.table);
  if (kind.startsWith("mapped-")) return mapped(options, kind === "mapped-csv");
  const provider = providers.get(kind);
  if (!provider) throw new Error(`no decoder for "${kind}"`);
  return ({ data }) => {
    const isJson = /^\s*[[{]/.test(
      Buffer.from(data.buffer, data.byteOffset, Math.min(64, data.byteLength)).toString("latin1"),
    );
    const type = isJson ? "application/json" : "application/x-www-form-urlencoded";
    const told = provider.decode({ headers: { "content-type": type }, body: data });
    return orNothing(withDimensions(told, kind, options.sources));
  };
}

/** What says nothing at all is a dead letter: it must not disappear. */
const orNothing = (items: readonly Item[]): readonly Item[] => (items.length > 0 ? items : [nothingSaid]);

const nothingSaid: Item = { kind: "dead-letter", reason: "not-a-signal", detail: "it says nothing" };

function hookDecoder(name: string, sources: SourceDeclarations | undefined): Decode {
  const provider = providers.get(name);
  if (!provider) throw new Error(`no decoder for "hook-${name}"`);
  return ({ data }) => {
    const call = unpackHook(data);
    if (!call)
      return [{ kind: "dead-letter", reason: "malformed-input", detail: "not a call as the collector keeps it" }];
    return orNothing(withDimensions(provider.decode(call), name, sources));
  };
}

/** What stands before the colon of the source of bytes on the bus that are no message any more. */
export const damagedKind = "damaged";

const whyUnread: Readonly<Record<string, string | undefined>> = {
  sealed: "no key opens it",
  poison: "it was delivered too often without being acknowledged",
};

/** The decoder of a bus, whose messages say what they are: `<kind>:` before their source's name. */
export function busDecoder(options: Omit<DecoderOptions, "fileId">): Decode {
  const known = new Map<string, Decode>();
  return (message) => {
    const [kind = "", ...rest] = (message.source ?? "").split(":");
    if (kind === damagedKind) return [{ kind: "dead-letter", reason: "damaged-frame", detail: rest.join(":") }];
    let decode = known.get(kind);
    if (!decode) {
      if (!isDecoderKind(kind) || kind.startsWith("mapped-")) {
        return [
          { kind: "dead-letter", reason: "malformed-input", detail: whyUnread[kind] ?? "its source has no decoder" },
        ];
      }
      decode = decoderFor(kind, { ...options, fileId: "" });
      known.set(kind, decode);
    }
    return decode(message);
  };
}

const ownLine: Decode = (message) => [
  message.text === undefined ? decodeLine(message.data, provenance) : decodeText(message.text, provenance),
];

/** A record of a call to `/v1`: an event, or a row of the route's table and of no other, for a key of a web shop is none to decisions. */
export function decodeApiRecord(data: Uint8Array, table: string, said: string): Item {
  const item = table === "events" ? decodeLine(data, said) : decodeInto({ data, position: 0 }, table);
  const refused = (letter: Refused): Item => (table === deviceReportsTable ? { ...letter, isNotKept: true } : letter);
  if (item.kind === "dead-letter") return refused(item);
  if ((item.kind === "row" ? item.table : "events") !== table)
    return refused({ kind: "dead-letter", reason: "not-a-signal", detail: `only ${table} come this way` });
  if (item.kind !== "row") return item;
  if (!hasRawColumn(table, "provenance")) return { ...item, source: said };
  const { provenance: own, provenance_id: other } = item.values;
  const values = own || other ? item.values : { ...item.values, provenance: said };
  return { ...item, values, source: said };
}

type Refused = Extract<Item, { kind: "dead-letter" }>;

function decodeInto(message: Message, table: string): Item {
  const value = parse(message);
  if (value === undefined) return decodeLine(message.data, provenance);
  return decodeRecord(inTable(value, table), provenance);
}

const inTable = (value: unknown, table: string | undefined): unknown =>
  table !== undefined && value !== null && typeof value === "object" && !Array.isArray(value) && !("table" in value)
    ? { ...value, table }
    : value;

/** A document that is one record or an array of them. */
function decodeDocument(message: Message, table: string | undefined): readonly Item[] {
  const value = parse(message);
  if (value === undefined) return [{ kind: "dead-letter", reason: "malformed-json", detail: "not one JSON document" }];
  return (Array.isArray(value) ? value : [value]).map((record) => decodeRecord(inTable(record, table), provenance));
}

function parse(message: Message): unknown {
  try {
    return JSON.parse(
      message.text?.replace(/^\ufeff/, "") ?? new TextDecoder("utf-8", { fatal: true }).decode(message.data),
    ) as unknown;
  } catch {
    return undefined;
  }
}

/** A list of suppressions, `suppressions-<format>-<shape>[-<reason>]`: a CSV record, a line, or a document. */
function suppressions(kind: string): Decode {
  const [, format = "", shape, reason] = kind.split("-");
  return (message) => {
    if (shape === "csv") {
      const record = message.value as CsvValue;
      return record.kind === "malformed"
        ? [{ kind: "dead-letter", reason: "malformed-input", detail: record.detail }]
        : decodeSuppressions(format, record.fields, reason);
    }
    const value = message.value ?? parse(message);
    return value === undefined
      ? [{ kind: "dead-letter", reason: "malformed-json", detail: "not one JSON document" }]
      : orNothing(decodeSuppressions(format, value, reason));
  };
}

/** Results of seed tests: a CSV record, a line, or a document that is one result or a list of them. */
function seeds({ hashId, fileId }: DecoderOptions, kind: string): Decode {
  return (message) => {
    const context = { hashId, fileId, rowNumber: message.position };
    if (kind === "seeds-csv") {
      const record = message.value as CsvValue;
      return record.kind === "malformed"
        ? [{ kind: "dead-letter", reason: "malformed-input", detail: record.detail }]
        : decodePlacement(record.fields, context);
    }
    const value = message.value ?? parse(message);
    if (value === undefined)
      return [{ kind: "dead-letter", reason: "malformed-json", detail: "not one JSON document" }];
    const { items } = (value ?? {}) as { items?: unknown };
    const list = Array.isArray(value) ? value : Array.isArray(items) ? items : [value];
    return orNothing(
      list.flatMap((one, index) => decodePlacement(one, { ...context, rowNumber: message.position + index })),
    );
  };
}

/** A record that no row of the mapping wants gives nothing. */
function mapped(
  { mapping, fileId, fileName, hashId, details, lookups, mayAssumeUtc }: DecoderOptions,
  isCsv: boolean,
): Decode {
  if (!mapping) throw new Error("a mapped file without its mapping");
  return (message) => {
    let fields = message.value ?? parse(message);
    if (isCsv) {
      const record = fields as CsvValue;
      if (record.kind === "malformed")
        return [{ kind: "dead-letter", reason: "malformed-input", detail: record.detail }];
      fields = record.fields;
    }
    if (fields === undefined)
      return [{ kind: "dead-letter", reason: "malformed-json", detail: "not one JSON document" }];
    if (fields === null || typeof fields !== "object" || Array.isArray(fields)) {
      return [{ kind: "dead-letter", reason: "wrong-type", detail: "the record is not an object" }];
    }
    const joined = details ? details.join(fields as Record<string, unknown>, fileName ?? "") : fields;
    if (joined === undefined) return [];
    return applyMapping(mapping, joined as Record<string, unknown>, {
      fileId,
      fileName,
      rowNumber: message.position,
      hashId,
      defaultProvenance: provenance,
      mayAssumeUtc,
      lookups,
    });
  };
}

/** A CSV dead letter (header line and record) as the record that it was. */
export async function csvLetterValue(
  payload: Buffer,
  mapping: Mapping | undefined,
  delimiter: string,
): Promise<CsvValue | undefined> {
  const chunks = async function* () {
    yield payload;
  };
  const csv = mapping?.csv;
  // A letter of a file whose charset was named is UTF-8 already.
  const charset = isUtf8(payload) ? undefined : csv?.charset;
  const options = {
    delimiter: csv?.delimiter ?? delimiter,
    quote: csv?.quote ?? '"',
    repeated: csv?.repeated,
    charset,
  };
  for await (const block of csvRecords(chunks(), options, 0))
    for (const message of block) return message.value as CsvValue;
  return undefined;
}

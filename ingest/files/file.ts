import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { UserError } from "../../errors/user-error.ts";
import type { SourceDeclarations } from "../../platform/source-declarations.ts";
import { type Decode, decoderFor } from "../decoders.ts";
import type { IdHasher } from "../door/id-hasher.ts";
import { scrubText } from "../door/scrub.ts";
import type { Mapping } from "../mapping/schema.ts";
import { hasLocalTimes, speaksAgainstUtc } from "../mapping/times.ts";
import type { Message, Source } from "../pipeline.ts";
import { providers } from "../sources/providers.ts";
import { fileError, noFile } from "../unreadable.ts";
import { avroRecords, checkAvro } from "./avro.ts";
import { checkWhole, fileChunks, fileDigest, fileHead } from "./bytes.ts";
import { csvRecords, guessDelimiter } from "./csv.ts";
import type { OtherFiles } from "./file-details.ts";
import { linesOf } from "./ndjson.ts";
import { checkParquet, parquetRows } from "./parquet.ts";

/** A file as something that the pipeline can pull from, with the decoder that reads its records. */
export interface FileInput {
  readonly path: string;
  /** `<decoder>:<file name>`. */
  readonly name: string;
  /** `<digest of the content>/<how it is read>`: the same file read in the same way is the same source. */
  readonly id: string;
  open(from: number): Source;
  readonly decode: Decode;
  /**
   * Called before any of it is read; not where an earlier run has read all of it. Throws where the file is damaged: of one that is read in several batches
   * the first would have landed, and would be other records once the file is mended, for they are numbered in its content.
   */
  prepare?(): Promise<void>;
  /** What people should know before they believe what lands. */
  readonly warnings: readonly string[];
}

export interface FileOptions {
  readonly hashId: IdHasher;
  readonly mapping?: Mapping | undefined;
  /** An e-mail provider whose webhook payloads the file holds. */
  readonly source?: string | undefined;
  /** The raw table of records that name none. */
  readonly table?: string | undefined;
  /** What other files of the run say of records of this one. */
  readonly others?: OtherFiles | undefined;
  /** The file holds results of seed tests. */
  readonly isSeeds?: boolean | undefined;
  /** Which tags and arguments of a provider name the campaign, the variant and the sender. */
  readonly sources?: SourceDeclarations | undefined;
  /** The file is a list of suppressions in this format; `reason` overrules what it says. */
  readonly suppressions?: { readonly format: string; readonly reason?: string | undefined } | undefined;
}

/** A whole document (a payload, an array of events) may be this large; larger ones come as lines. */
const maxDocumentBytes = 64 << 20;

const formatNames = { csv: "a CSV", parquet: "a Parquet", avro: "an Avro" } as const;

type Shape =
  | { readonly kind: "parquet" }
  | { readonly kind: "avro" }
  | { readonly kind: "csv"; readonly delimiter: string; readonly isHeaderless: boolean }
  | { readonly kind: "lines" }
  | { readonly kind: "document"; readonly data: Buffer };

/** Finds out what a file holds and how to read it; see docs/reference/ingest-file.md. A file that cannot be read is a UserError. */
export async function fileInput(path: string, options: FileOptions): Promise<FileInput> {
  try {
    if (!(await stat(path)).isFile()) throw noFile(path);
    return await inputOf(path, options);
  } catch (error) {
    throw fileError(path, error) ?? error;
  }
}

async function inputOf(path: string, options: FileOptions): Promise<FileInput> {
  const { mapping, source } = options;
  const content = await fileDigest(path);
  const shape = await shapeOf(path, mapping?.format, source !== undefined);
  const provider =
    source ?? (shape.kind === "lines" || shape.kind === "document" ? await guessProvider(path, shape) : undefined);
  const isColumns = shape.kind === "parquet" || shape.kind === "avro";
  if (!mapping && options.isSeeds && isColumns)
    throw new UserError(`${formatNames[shape.kind]} file of seed tests needs a mapping`, {
      code: "ingest.no-mapping",
      exit: "usage",
      where: path,
      next: `inboxloop ingest file ${path} --map mapping.yaml   (docs/reference/mapping.md)`,
    });
  if (!mapping && !options.isSeeds && !options.suppressions && (shape.kind === "csv" || isColumns)) {
    throw new UserError(`${formatNames[shape.kind]} file needs a mapping: its columns mean nothing to us`, {
      code: "ingest.no-mapping",
      exit: "usage",
      where: path,
      next: `inboxloop ingest file ${path} --map mapping.yaml   (docs/reference/mapping.md)`,
    });
  }
  const kind = mapping
    ? `mapped-${shape.kind}`
    : options.suppressions
      ? ["suppressions", options.suppressions.format, shape.kind, options.suppressions.reason].filter(Boolean).join("-")
      : options.isSeeds
        ? `seeds-${shape.kind}`
        : (provider ?? (shape.kind === "document" ? "json" : "ndjson"));
  // Other details, or other records to look up in, make other rows of the same file.
  const { details, lookups } = options.others ?? {};
  const joined = [details, lookups].flatMap((one) => (one ? [one.digest] : []));
  // A mapping may ask for the file's name: then two files of one content are not the same records.
  const named = mapping ? namesAsked(mapping).filter((text) => basename(path).includes(text)) : [];
  const parts = [kind, shape.kind, options.table ?? "", mapping ? digest(JSON.stringify(mapping)) : ""];
  const how = [...parts, ...joined, ...named].join("/");
  const head = mapping && !isColumns ? (await fileHead(path)).toString("utf8") : "";
  const mayAssumeUtc = !speaksAgainstUtc(head);
  const assumes = mapping !== undefined && !mapping.zone && mayAssumeUtc && hasLocalTimes(head) && readsTimes(mapping);
  const warnings = assumes
    ? [`${basename(path)}: times without a zone are taken for UTC (is_zone_assumed); say zone: in the mapping`]
    : [];
  const name = `${kind}:${scrubText(basename(path))}`; // people name files after people
  const id = `${content}/${digest(how).slice(0, 16)}`;
  // A list without a header: Amazon SES takes in, and people keep, bare addresses with a reason beside each.
  const columns = options.suppressions && shape.kind === "csv" && shape.isHeaderless ? ["email", "reason"] : undefined;
  const decode = decoderFor(kind, {
    hashId: options.hashId,
    mapping,
    fileId: content,
    fileName: basename(path),
    table: options.table,
    details,
    lookups,
    mayAssumeUtc,
    sources: options.sources,
  });
  return {
    path,
    name,
    id,
    decode,
    warnings,
    prepare: () => checkFile(path, shape),
    open: (from) => fileSource(name, id, from, () => blocks(path, shape, mapping, from, columns)),
  };
}

/** A file as a source; the ledger remembers how far it was read, so there is nothing to ack. */
function fileSource(name: string, id: string, from: number, open: () => AsyncIterable<readonly Message[]>): Source {
  return {
    name,
    id,
    from,
    async *pull(signal) {
      for await (const block of open()) {
        if (signal.aborted) return;
        yield block;
      }
    },
    async ack() {},
  };
}

function blocks(
  path: string,
  shape: Shape,
  mapping: Mapping | undefined,
  from: number,
  columns: readonly string[] | undefined,
): AsyncIterable<readonly Message[]> {
  switch (shape.kind) {
    case "parquet":
      return parquetRows(path, from);
    case "avro":
      return avroRecords(path, from);
    case "csv":
      return csvRecords(
        fileChunks(path),
        {
          delimiter: mapping?.csv?.delimiter ?? shape.delimiter,
          quote: mapping?.csv?.quote ?? '"',
          columns: mapping?.csv?.columns ?? columns,
          charset: mapping?.csv?.charset,
          repeated: mapping?.csv?.repeated,
          path,
        },
        from,
      );
    case "lines":
      return linesOf(fileChunks(path), from);
    case "document":
      return one(from === 0 ? [{ data: shape.data, position: 1 }] : []);
  }
}

/** Plain text has no damage that one could see; what is packed has. */
async function checkFile(path: string, shape: Shape): Promise<void> {
  if (shape.kind === "parquet") await checkParquet(path);
  else if (shape.kind === "avro") await checkAvro(path);
  else if (shape.kind !== "document") await checkWhole(path);
}

async function* one(messages: readonly Message[]): AsyncIterable<readonly Message[]> {
  yield messages;
}

async function shapeOf(path: string, format: Mapping["format"], isPayload: boolean): Promise<Shape> {
  const head = await fileHead(path);
  if (head.subarray(0, 4).toString("latin1") === "PAR1" || format === "parquet") return { kind: "parquet" };
  if (head.subarray(0, 4).toString("latin1") === "Obj\x01" || format === "avro") return { kind: "avro" };
  const text = head.toString("utf8").replace(/^\ufeff/, "");
  const isJson = /^\s*[[{]/.test(text);
  if (format === "csv" || (!isJson && !isPayload && !isNdjsonName(path)))
    return { kind: "csv", delimiter: guessDelimiter(text), isHeaderless: text.split("\n", 1)[0]!.includes("@") };
  if (format === "ndjson" || !(await isOneDocument(path, text))) return { kind: "lines" };
  const chunks: Buffer[] = [];
  for await (const chunk of fileChunks(path)) chunks.push(chunk);
  return { kind: "document", data: Buffer.concat(chunks) };
}

const isNdjsonName = (path: string): boolean => /\.(?:ndjson|jsonl|json)(?:\.gz)?$/i.test(path);

/** Lines when the first line is a document by itself and another line follows; one document when it starts as an array or runs on. */
async function isOneDocument(path: string, head: string): Promise<boolean> {
  if (isNdjsonName(path) && !/\.json(?:\.gz)?$/i.test(path) && !/^\s*\[/.test(head)) return false;
  const end = head.indexOf("\n");
  const first = (end < 0 ? head : head.slice(0, end)).trim();
  const rest = end < 0 ? "" : head.slice(end + 1).trim();
  if (rest !== "" && isJsonText(first)) return false;
  let bytes = 0;
  for await (const chunk of fileChunks(path)) {
    bytes += chunk.length;
    if (bytes > maxDocumentBytes) return false;
  }
  return true;
}

function isJsonText(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The provider whose payloads these are, where their shape leaves no doubt. */
async function guessProvider(path: string, shape: Shape): Promise<string | undefined> {
  const text =
    shape.kind === "document"
      ? shape.data.toString("utf8")
      : ((await fileHead(path))
          .toString("utf8")
          .split("\n")
          .find((line) => line.trim() !== "") ?? "");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const first: unknown = Array.isArray(value) ? value[0] : value;
  if (first === null || typeof first !== "object") return undefined;
  const has = (...keys: string[]) => keys.every((key) => key in first);
  if (has("sg_event_id") || has("sg_message_id")) return "sendgrid";
  if (has("Type", "MessageId", "Message") || (has("mail") && (has("eventType") || has("notificationType"))))
    return "amazon_ses";
  return has("detail-type", "source") && String((first as { source: unknown }).source) === "aws.ses"
    ? "amazon_ses"
    : undefined;
}

/** Refuses a provider that we do not know. */
export function checkProvider(name: string | undefined): void {
  if (name === undefined || providers.has(name)) return;
  throw new UserError(`no provider "${name}"`, {
    code: "ingest.unknown-source",
    exit: "usage",
    next: `--source ${[...providers.keys()].join(" | ")}`,
  });
}

/** The texts for which a mapping looks in the names of files. */
function namesAsked(mapping: Mapping): readonly string[] {
  const asked = new Set<string>();
  const look = (condition: unknown): void => {
    if (condition === null || typeof condition !== "object") return;
    for (const [key, value] of Object.entries(condition)) {
      if (key === "file" && typeof value === "string") asked.add(value);
      else look(value);
    }
  };
  for (const { when } of mapping.rows) look(when);
  return [...asked].sort();
}

/** Whether a mapping reads a time without saying its zone. */
const readsTimes = (mapping: Mapping): boolean =>
  JSON.stringify(mapping.rows, (_key, value: unknown) => {
    const column = value as { cast?: unknown; zone?: unknown } | null;
    return column !== null && typeof column === "object" && column.cast === "instant" && column.zone === undefined
      ? "a time without a zone"
      : value;
  }).includes("a time without a zone");

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

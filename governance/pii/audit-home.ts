import { createReadStream, type Dirent } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { gunzipSync, unzipSync } from "fflate";
import { lineFrom } from "../../platform/home-files.ts";
import { type HomeSeal, sealOf, unsealed } from "../../platform/home-seal.ts";
import { isMessageId } from "../../platform/message-id.ts";
import { isPersonalKey } from "../../platform/personal-keys.ts";
import { isClearStore, sealedEntries, storeFile } from "../../platform/store/open-store.ts";
import { visitDatabaseTexts, visitParquetTexts } from "../../warehouse/duckdb/text-values.ts";
import { findIdentifiers, type IdentifierKind } from "./find-identifiers.ts";

/** The same kind of identifier, in one encoding, at one place. */
export interface Finding {
  /** Relative to what was audited. */
  readonly file: string;
  /** `schema.table.column` of a database, a column of a Parquet file, an entry of an archive; empty for a plain file. */
  readonly place: string;
  readonly kind: IdentifierKind;
  readonly encoding: string;
  /** Distinct texts that hold one. */
  readonly times: number;
  /** The first of them: its first character and its length. */
  readonly example: string;
}

export interface Audit {
  readonly files: number;
  readonly bytes: number;
  /** Distinct texts that were looked into. */
  readonly texts: number;
  readonly findings: readonly Finding[];
  /** Files that could not be read: what is not looked into is not clean. */
  readonly unread: readonly { readonly file: string; readonly why: string }[];
  readonly leftOut: readonly string[];
}

export interface AuditOptions {
  readonly signal: AbortSignal;
  /** Folders and files below `root` that are somebody else's and left out, by their relative path. */
  readonly leaveOut?: readonly string[];
  readonly onFile?: (done: number, total: number) => void;
  /** Also shows whole values of columns that are ids of ours; they name nobody by themselves. */
  readonly withIds?: boolean;
}

/** An archive's entries are unpacked in memory up to this, all together. */
const mostUnpacked = 256 << 20;
const chunkBytes = 1 << 20;
/** What a text may straddle at the end of a chunk. */
const overlap = 8_192;

/**
 * Reads every byte that a folder holds and says where it names people (`findIdentifiers`): Parquet and DuckDB by column, archives by entry, everything else as
 * text, or as the runs of letters in it (ASCII, UTF-8 and UTF-16). Symbolic links are not followed. Nothing that is found is repeated in the result.
 */
export async function auditHome(root: string, options: AuditOptions): Promise<Audit> {
  const gathered = new Map<string, { -readonly [key in keyof Finding]: Finding[key] }>();
  let texts = 0;
  const visited = await visitTexts(root, options, (file) => (place) => (text) => {
    texts++;
    for (const { kind, encoding, masked } of findIdentifiers(text)) {
      const key = [file, place, kind, encoding].join("\0");
      const known = gathered.get(key);
      if (known) known.times++;
      else gathered.set(key, { file, place, kind, encoding, times: 1, example: masked });
    }
  });
  return { ...visited, texts, findings: [...gathered.values()], leftOut: options.leaveOut ?? [] };
}

/** Reads every byte below a folder as `auditHome` does and shows each text to `look`, by its file, relative to the folder, and its place in it. */
export async function visitTexts(
  root: string,
  options: AuditOptions,
  look: (file: string) => (place: string) => (text: string) => void,
): Promise<Pick<Audit, "files" | "bytes" | "unread">> {
  const { signal } = options;
  const leftOut = (options.leaveOut ?? []).map((one) => one.split("/").join(sep));
  const files = await filesBelow(root, leftOut);
  const unread: { file: string; why: string }[] = [];
  let bytes = 0;
  for (const [index, path] of files.entries()) {
    signal.throwIfAborted();
    options.onFile?.(index, files.length);
    const file = relative(root, path).split(sep).join("/");
    try {
      bytes += (await stat(path)).size;
      await visitFile(path, look(file), signal, options.withIds ?? false);
    } catch (error) {
      if (signal.aborted) throw error;
      // A message of a reader may quote what it read.
      unread.push({ file, why: (error as { code?: string }).code ?? (error as Error).name });
    }
  }
  return { files: files.length, bytes, unread };
}

async function filesBelow(folder: string, leftOut: readonly string[], base = folder): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [] as Dirent[]);
  const found: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (leftOut.includes(relative(base, path))) continue;
    if (entry.isDirectory()) found.push(...(await filesBelow(path, leftOut, base)));
    else if (entry.isFile()) found.push(path);
  }
  return found;
}

type Look = (place: string) => (text: string) => void;

async function visitFile(path: string, look: Look, signal: AbortSignal, withIds: boolean): Promise<void> {
  const byColumn = (table: string, column: string, values: readonly (string | Uint8Array)[]): void => {
    const into = look(table === "" ? column : `${table}.${column}`);
    // A column of names holds names, whatever is written in it.
    const isOfNames = isPersonalKey(column);
    for (const value of values) {
      if (typeof value !== "string") visitValue(Buffer.from(value), into);
      else into(isOfNames ? `${column}="${value.replaceAll('"', "'")}"` : withoutMessageIds(column, value));
    }
  };
  if (path.endsWith(".parquet")) return visitParquetTexts(path, byColumn, signal, withIds);
  if (path.endsWith(".duckdb")) return visitDatabaseTexts(path, byColumn, signal, withIds);
  const seal = sealOf(path);
  const isStore = basename(path) === storeFile;
  if (seal && !isStore) {
    visitSealed(await readFile(path), seal, look(""));
    return;
  }
  if (seal && !isClearStore(dirname(path))) {
    for (const { table, key, value } of sealedEntries(dirname(path))) {
      signal.throwIfAborted();
      visitBytes(Buffer.from(JSON.stringify([key, value], plainly)), look(table));
    }
    // What stands in the file beside that: nothing, if all that writes is right.
    return visitStream(path, longRunsOf(look("")), signal);
  }
  if (path.endsWith(".zip") || path.endsWith(".gz")) return visitArchive(path, look);
  return visitStream(path, look(""), signal);
}

/** JSON has no whole numbers beyond 2^53. */
const plainly = (_name: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value);

async function visitStream(path: string, visit: (text: string) => void, signal: AbortSignal): Promise<void> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: chunkBytes, signal })) {
    const bytes: Buffer = Buffer.concat([rest, chunk as Buffer]);
    // Up to the last line that is whole; without one, some of it is read again with what follows.
    const end = bytes.lastIndexOf(0x0a) + 1;
    const upTo = end > 0 ? end : bytes.length;
    visitBytes(bytes.subarray(0, upTo), visit);
    rest = end > 0 ? bytes.subarray(end) : bytes.subarray(Math.max(0, bytes.length - overlap));
    if (rest.length > 4 * chunkBytes) {
      visitBytes(rest, visit);
      rest = rest.subarray(rest.length - overlap);
    }
  }
  visitBytes(rest, visit);
}

/** Columns that hold the ids of mails and reports, and the key of a JSON object that does. */
const idColumn = /(?:^|\.)(?:message_id|subject_key|moment_id|report_id)$/;
const idInJson = /"(provider_message_id|message_id|report_id)"\s*:\s*"([^"\\]{12,300})"/g;
/** What the door puts behind the id of a mailing: whose mail it is. */
const whose = /:[0-9a-f]{16}$/;

/**
 * A Message-ID looks like an address and names a mail. Where an id stands, the one that the door lets through as such is left out; anywhere else the same
 * letters may be somebody's mailbox: relays that hide an address make such ones.
 */
function withoutMessageIds(column: string, value: string): string {
  if (idColumn.test(column)) return isMessageId(value.replace(whose, "")) ? "" : value;
  return value.includes("message_id") || value.includes("report_id")
    ? value.replace(idInJson, (whole, key: string, id: string) =>
        isMessageId(id.replace(whose, "")) ? `"${key}":""` : whole,
      )
    : value;
}

/** Of random bytes 37 % are letters of ASCII; a text or a record of texts has more. */
const leastOfText = 0.5;
/** Among random bytes such a run of letters does not come about; shorter ones do, and now and then one looks like an address. */
const longRun = 16;

/** A value of bytes. Sealed bodies of letters are random to whoever has no key: of what is hardly text, only long runs are read. */
function visitValue(bytes: Buffer, visit: (text: string) => void): void {
  let letters = 0;
  for (const byte of bytes) if (byte >= 0x20 && byte < 0x7f) letters += 1;
  if (letters >= leastOfText * bytes.length) visitBytes(bytes, visit);
  else visitBytes(bytes, longRunsOf(visit));
}

const longRunsOf =
  (visit: (text: string) => void) =>
  (text: string): void => {
    for (const part of text.split(" ")) if (part.length >= longRun) visit(part);
  };

/** A file of an encrypted home: what is sealed in it, as a whole or line by line, and whatever is not sealed as it stands. */
function visitSealed(bytes: Buffer, seal: HomeSeal, visit: (text: string) => void): void {
  const whole = unsealed(bytes, seal);
  if (whole !== undefined) {
    visitBytes(whole, visit);
    return;
  }
  for (const line of bytes.toString("latin1").split("\n")) {
    const said = lineFrom(line, seal);
    visitBytes(said === undefined ? Buffer.from(`${line}\n`, "latin1") : Buffer.from(said), visit);
  }
}

const tooLarge = () => Object.assign(new Error("an archive of more than 256 MB"), { code: "archive-too-large" });

async function visitArchive(path: string, look: Look): Promise<void> {
  const packed = await readFile(path);
  if (path.endsWith(".gz")) {
    if (packed.length < 18 || packed.readUInt32LE(packed.length - 4) > mostUnpacked) throw tooLarge();
    visitBytes(Buffer.from(gunzipSync(packed)), look("(unpacked)"));
    return;
  }
  let unpacked = 0;
  const entries = unzipSync(packed, {
    filter: ({ originalSize }) => {
      unpacked += originalSize;
      if (unpacked > mostUnpacked) throw tooLarge();
      return true;
    },
  });
  for (const [name, bytes] of Object.entries(entries)) visitBytes(Buffer.from(bytes), look(name));
}

/** Runs of letters, digits and signs: lines of a text, strings of anything else. */
const run = /[\p{L}\p{N}\p{P}\p{S}\p{Zs}\t]{6,}/gu;

function visitBytes(bytes: Buffer, visit: (text: string) => void): void {
  if (bytes.length === 0) return;
  for (const line of bytes.toString("utf8").split(/[\r\n]+/))
    for (const [found] of line.matchAll(run)) visit(found.replaceAll("\ufffd", " "));
  if (!bytes.includes(0)) return;
  // Two bytes a letter, from either.
  for (const from of [0, 1])
    for (const [found] of bytes
      .subarray(from)
      .toString("utf16le")
      .matchAll(/[\x20-\x7e\u00a0-\u024f]{6,}/gu))
      visit(found);
}

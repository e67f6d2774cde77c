import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { glob, isDynamicPattern } from "tinyglobby";
import { exitCodes, UserError } from "../../../errors/user-error.ts";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import { isRawTable } from "../../../ingest/door/raw-row.ts";
import { checkProvider, type FileInput, type FileOptions, fileInput } from "../../../ingest/files/file.ts";
import { otherFilesOf } from "../../../ingest/files/file-details.ts";
import { filesIn } from "../../../ingest/files/files-in.ts";
import { homeTrouble } from "../../../ingest/home-trouble.ts";
import { type FileOutcome, ingestFiles } from "../../../ingest/ingest-files.ts";
import { namedMapping } from "../../../ingest/mapping/schema.ts";
import { putAside, type SetAside } from "../../../ingest/unreadable.ts";
import type { Environment } from "../../environment.ts";
import { asideIn, isMissing } from "./aside.ts";
import { ingestContext } from "./context.ts";
import type { DestinationOptions } from "./destination.ts";
import { type IngestSummary, mostFilesNamed, renderOutcome, totalsOf } from "./render.ts";

export interface IngestFileOptions extends DestinationOptions {
  readonly map?: string;
  readonly source?: string;
  readonly table?: string;
  readonly trustReceivedAt?: boolean;
  readonly batchSize?: number;
  /** The files hold results of seed tests. */
  readonly isSeeds?: boolean;
  /** The files are lists of suppressions. */
  readonly suppressions?: { readonly format: string; readonly reason?: string | undefined };
}

/** `inboxloop ingest file`. */
export async function ingestFileCommand(
  environment: Environment,
  patterns: readonly string[],
  options: IngestFileOptions,
): Promise<void> {
  const summary = await runIngestFile(environment, patterns, options);
  environment.console.result(summary, () => renderOutcome(summary));
  endWith(environment, summary);
}

/** The exit code of a run: 130 where it was broken off, 4 where something was not read. */
export function endWith({ signal }: Environment, { unreadable }: Pick<IngestSummary, "unreadable">): void {
  if (unreadable.length > 0) process.exitCode = exitCodes.check;
  if (signal.aborted) process.exitCode = exitCodes.interrupted;
}

/** Ingests the files into the home, with progress and warnings on stderr; for `ingest file` and for the demo. */
export async function runIngestFile(
  environment: Environment,
  patterns: readonly string[],
  options: IngestFileOptions,
): Promise<IngestSummary> {
  checkProvider(options.source);
  checkTable(options.table);
  const mapping = options.map === undefined ? undefined : namedMapping(options.map, environment.cwd);
  const hasColumns = mapping !== undefined || options.isSeeds === true || options.suppressions !== undefined;
  const { unreadable, setAside } = asideIn(environment, patterns);
  const found = await expandPaths(patterns, environment.cwd, hasColumns ? columnEndings : lineEndings, setAside);
  const progress = environment.console.progress("ingest");
  const began = performance.now();
  const sizes = await Promise.all(found.map((path) => stat(path).catch(() => ({ size: 0 }))));
  const bytes = sizes.reduce((sum, { size }) => sum + size, 0);
  try {
    const context = ingestContext(environment, {
      ...options,
      trustReceivedAt: options.trustReceivedAt === true,
      batchRecords: options.batchSize,
    });
    const hashId = createIdHasher(context.keys.ids.active);
    const { others, paths } = mapping
      ? await otherFilesOf(found, mapping, hashId, environment.signal, setAside)
      : { others: undefined, paths: found };
    const inputs = async function* () {
      for (const path of paths) {
        const input = await readableInput(path, setAside, {
          others,
          hashId,
          mapping,
          source: options.source,
          sources: context.sources,
          table: options.table,
          isSeeds: options.isSeeds,
          suppressions: options.suppressions,
        });
        if (input === undefined) continue;
        for (const warning of input.warnings) environment.console.warn(warning);
        yield input;
      }
    };
    let before = 0;
    let at = 0;
    let current: { input: FileInput; received: number } | undefined;
    const tell = (input: FileInput, { received }: { readonly received: number }) => {
      if (current && current.input !== input) before += current.received;
      if (current?.input !== input) at = paths.indexOf(input.path) + 1;
      current = { input, received };
      const where = paths.length > 1 ? ` (file ${at} of ${paths.length})` : "";
      progress.update(before + received, undefined, `signals${where}`);
    };
    const files = await ingestFiles(inputs(), context, environment.signal, tell, setAside);
    const totals = totalsOf(files);
    const seconds = (performance.now() - began) / 1000;
    const rate = Math.round(totals.received / seconds).toLocaleString("en-US");
    progress.done(`${totals.received.toLocaleString("en-US")} signals, ${rate}/s`);
    warnAbout(environment, files);
    return { files, totals, unreadable, bytes, seconds };
  } catch (error) {
    throw homeTrouble(error, environment.home.raw);
  }
}

/** Endings of what a folder is looked through for. Columns mean nothing without a mapping. */
const lineEndings = ["ndjson", "jsonl", "json"];
const columnEndings = [...lineEndings, "csv", "tsv", "txt", "parquet", "avro"];

/** The file as an input; undefined where it is set aside. */
export async function readableInput(
  path: string,
  setAside: SetAside | undefined,
  options: FileOptions,
): Promise<FileInput | undefined> {
  try {
    return await fileInput(path, options);
  } catch (error) {
    putAside(path, error, setAside);
    return undefined;
  }
}

/** The files of a folder and of those in it that have one of our endings and something in them, in the order of their names. */
async function readFolder(folder: string, endings: readonly string[], setAside: SetAside | undefined) {
  const ending = new RegExp(`\\.(?:${endings.join("|")})(?:\\.gz)?$`, "i");
  const wants = (name: string): boolean => !name.startsWith(".") && ending.test(name);
  const files: string[] = [];
  let isEmpty = true;
  const aside: SetAside | undefined =
    setAside &&
    ((one) => {
      isEmpty = false;
      setAside(one);
    });
  for await (const { path, size } of filesIn(folder, { wants, setAside: aside })) if (size > 0) files.push(path);
  if (files.length > 0 || !isEmpty) return files.sort();
  const without = endings === lineEndings ? "; with --map also columns" : "";
  throw noPath(folder, `no file in the folder is read (.${endings.join(", .")}, also with .gz${without})`);
}

/**
 * Files in the order given, each glob's own in the order of their names; a folder is the files in it. A name that nothing has is a mistake of the command;
 * what is there and cannot be read is told to `setAside`.
 */
export async function expandPaths(
  patterns: readonly string[],
  cwd: string,
  endings: readonly string[] = columnEndings,
  setAside?: SetAside,
): Promise<readonly string[]> {
  const paths: string[] = [];
  for (const pattern of patterns) {
    const isFile = existsSync(resolve(cwd, pattern));
    const found =
      !isFile && isDynamicPattern(pattern)
        ? (await glob(pattern, { cwd, absolute: true })).sort()
        : [resolve(cwd, pattern)];
    if (found.length === 0) throw noPath(pattern, "no file matches");
    for (const path of found) {
      const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
        if (isMissing(resolve(cwd, pattern)) && found.length === 1) throw noPath(path, "no such file");
        putAside(path, error, setAside);
      });
      if (info?.isDirectory()) paths.push(...(await readFolder(path, endings, setAside)));
      else if (info) paths.push(path);
    }
  }
  return [...new Set(paths)];
}

function checkTable(table: string | undefined): void {
  if (table === undefined || (isRawTable(table) && table !== "dead_letters" && table !== "ingest_ledger")) return;
  throw new UserError(`no raw table "${table}" to write to`, {
    code: "ingest.unknown-table",
    exit: "usage",
    next: "inboxloop ingest file --help",
  });
}

const noPath = (path: string, what: string): UserError =>
  new UserError(`${what}: ${path}`, { code: "ingest.no-file", exit: "usage", where: path, next: "ls" });

function warnAbout(environment: Environment, outcomes: readonly FileOutcome[]): void {
  for (const outcome of outcomes) {
    const reasons = Object.entries(outcome.dead_letters_by_reason).map(([reason, count]) => `${count} ${reason}`);
    if (reasons.length > 0) environment.console.warn(`${outcome.path}: dead letters: ${reasons.join(", ")}`);
  }
  const known = outcomes.filter(({ state }) => state === "already-ingested");
  if (known.length > mostFilesNamed)
    environment.console.note(`${known.length} of ${outcomes.length} files: already ingested, nothing to do`);
  else for (const { path } of known) environment.console.note(`${path}: already ingested, nothing to do`);
}

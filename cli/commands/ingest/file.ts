import { constants, existsSync } from "node:fs";
import { access, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { glob, isDynamicPattern } from "tinyglobby";
import { exitCodes, UserError } from "../../../errors/user-error.ts";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import { isRawTable } from "../../../ingest/door/raw-row.ts";
import { checkProvider, type FileInput, fileInput } from "../../../ingest/files/file.ts";
import { otherFilesOf } from "../../../ingest/files/file-details.ts";
import { homeTrouble } from "../../../ingest/home-trouble.ts";
import { type FileOutcome, ingestFiles } from "../../../ingest/ingest-files.ts";
import { namedMapping } from "../../../ingest/mapping/schema.ts";
import type { Environment } from "../../environment.ts";
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
  if (environment.signal.aborted) process.exitCode = exitCodes.interrupted;
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
  const paths = await expandPaths(patterns, environment.cwd, hasColumns ? columnEndings : lineEndings);
  const progress = environment.console.progress("ingest");
  const began = performance.now();
  const sizes = await Promise.all(paths.map((path) => stat(path)));
  const bytes = sizes.reduce((sum, { size }) => sum + size, 0);
  try {
    const context = ingestContext(environment, {
      ...options,
      trustReceivedAt: options.trustReceivedAt === true,
      batchRecords: options.batchSize,
    });
    const hashId = createIdHasher(context.keys.ids.active);
    const others = mapping && (await otherFilesOf(paths, mapping, hashId, environment.signal));
    const inputs = async function* () {
      for (const path of paths) {
        const input = await fileInput(path, {
          others,
          hashId,
          mapping,
          source: options.source,
          sources: context.sources,
          table: options.table,
          isSeeds: options.isSeeds,
          suppressions: options.suppressions,
        });
        for (const warning of input.warnings) environment.console.warn(warning);
        yield input;
      }
    };
    let before = 0;
    let at = 0;
    let current: { input: FileInput; received: number } | undefined;
    const files = await ingestFiles(inputs(), context, environment.signal, (input, totals) => {
      if (current && current.input !== input) before += current.received;
      if (current?.input !== input) at = paths.indexOf(input.path) + 1;
      current = { input, received: totals.received };
      const where = paths.length > 1 ? ` (file ${at} of ${paths.length})` : "";
      progress.update(before + totals.received, undefined, `signals${where}`);
    });
    const totals = totalsOf(files);
    const seconds = (performance.now() - began) / 1000;
    const rate = Math.round(totals.received / seconds).toLocaleString("en-US");
    progress.done(`${totals.received.toLocaleString("en-US")} signals, ${rate}/s`);
    warnAbout(environment, files);
    return { files, totals, bytes, seconds };
  } catch (error) {
    throw homeTrouble(error, environment.home.raw);
  }
}

/** Endings of what a folder is looked through for. Columns mean nothing without a mapping. */
const lineEndings = ["ndjson", "jsonl", "json"];
const columnEndings = [...lineEndings, "csv", "tsv", "txt", "parquet", "avro"];

/** The files of a folder and of those in it that have one of our endings and something in them, in the order of their names. */
async function filesIn(folder: string, endings: readonly string[]): Promise<readonly string[]> {
  const found = await glob(
    endings.flatMap((ending) => [`**/*.${ending}`, `**/*.${ending}.gz`]),
    {
      cwd: folder,
      absolute: true,
      dot: false,
      caseSensitiveMatch: false,
      followSymbolicLinks: false,
    },
  );
  const sizes = await Promise.all(found.map((path) => stat(path).then(({ size }) => size)));
  const files = found.filter((_path, at) => sizes[at]! > 0).sort();
  if (files.length > 0) return files;
  const without = endings === lineEndings ? "; with --map also columns" : "";
  throw unreadable(folder, `no file in the folder is read (.${endings.join(", .")}, also with .gz${without})`);
}

/** Files in the order given, each glob's own in the order of their names; a folder is the files in it. */
export async function expandPaths(
  patterns: readonly string[],
  cwd: string,
  endings: readonly string[] = columnEndings,
): Promise<readonly string[]> {
  const paths: string[] = [];
  for (const pattern of patterns) {
    const isFile = existsSync(resolve(cwd, pattern));
    const found =
      !isFile && isDynamicPattern(pattern)
        ? (await glob(pattern, { cwd, absolute: true })).sort()
        : [resolve(cwd, pattern)];
    if (found.length === 0) throw unreadable(pattern, "no file matches");
    for (const path of found) {
      const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
        throw unreadable(path, error.code === "ENOENT" ? "no such file" : `it cannot be read (${error.code})`);
      });
      if (info.isDirectory()) {
        paths.push(...(await filesIn(path, endings)));
        continue;
      }
      await access(path, constants.R_OK).catch((error: NodeJS.ErrnoException) => {
        throw unreadable(path, `it cannot be read (${error.code})`);
      });
      paths.push(path);
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

const unreadable = (path: string, what: string): UserError =>
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

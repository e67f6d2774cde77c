import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../../errors/user-error.ts";
import { createIdHasher } from "../../../ingest/door/id-hasher.ts";
import { type FilePreview, previewFile } from "../../../ingest/files/preview-file.ts";
import { homeTrouble } from "../../../ingest/home-trouble.ts";
import { namedMapping } from "../../../ingest/mapping/schema.ts";
import { ingestPostmaster, type PostmasterOutcome } from "../../../ingest/seeds/ingest-postmaster.ts";
import { type PostmasterEnv, postmasterEndpoint, postmasterScope } from "../../../ingest/seeds/postmaster-client.ts";
import { putAside, type Unreadable } from "../../../ingest/unreadable.ts";
import type { Environment } from "../../environment.ts";
import { googleToken } from "../../google-token.ts";
import { asideIn } from "./aside.ts";
import { ingestContext } from "./context.ts";
import type { DestinationOptions } from "./destination.ts";
import { endWith, expandPaths, readableInput, runIngestFile } from "./file.ts";
import { googleEndpoint } from "./google-endpoint.ts";
import { type IngestSummary, renderOutcome, sumOf, table, unreadableLines } from "./render.ts";

export interface IngestSeedsOptions extends DestinationOptions {
  readonly map?: string;
  readonly postmaster?: readonly string[];
  readonly from?: string;
  readonly until?: string;
  readonly days?: number;
  readonly dryRun?: boolean;
}

/** What `ingest seeds --json` prints: one of the two, or both. */
interface SeedsResult {
  readonly files?: IngestSummary;
  readonly preview?: readonly FilePreview[];
  /** Of a preview: what could not be read; `files` has its own. */
  readonly unreadable?: readonly Unreadable[];
  readonly postmaster?: PostmasterOutcome;
}

/** `inboxloop ingest seeds`. */
export async function ingestSeedsCommand(
  environment: Environment,
  paths: readonly string[],
  options: IngestSeedsOptions,
): Promise<void> {
  const domains = (options.postmaster ?? []).map((domain) => domain.toLowerCase());
  if (paths.length === 0 && domains.length === 0)
    throw new UserError("nothing to ingest: name a file of results, or a domain with --postmaster", {
      code: "ingest.no-source",
      exit: "usage",
      next: "inboxloop ingest seeds --help",
    });
  const files = paths.length > 0 ? await fromFiles(environment, paths, options) : {};
  const postmaster = domains.length > 0 ? await fromPostmaster(environment, domains, options) : undefined;
  const result: SeedsResult = { ...files, ...(postmaster ? { postmaster } : {}) };
  environment.console.result(result, () => render(result));
  endWith(environment, { unreadable: result.files?.unreadable ?? result.unreadable ?? [] });
}

async function fromFiles(
  environment: Environment,
  paths: readonly string[],
  options: IngestSeedsOptions,
): Promise<Pick<SeedsResult, "files" | "preview" | "unreadable">> {
  const { map, dryRun } = options;
  if (!dryRun) return { files: await runIngestFile(environment, paths, { ...options, isSeeds: map === undefined }) };
  const context = ingestContext(environment, { trustReceivedAt: false });
  const mapping = map === undefined ? undefined : namedMapping(map, environment.cwd);
  const hashId = createIdHasher(context.keys.ids.active);
  const preview: FilePreview[] = [];
  const { unreadable, setAside } = asideIn(environment, paths);
  for (const path of await expandPaths(paths, environment.cwd, undefined, setAside)) {
    const input = await readableInput(path, setAside, { hashId, mapping, isSeeds: true });
    try {
      await input?.prepare?.();
    } catch (error) {
      putAside(path, error, setAside);
      continue;
    }
    if (input) preview.push(await previewFile(input, context, environment.signal));
  }
  return { preview, unreadable };
}

async function fromPostmaster(
  environment: Environment,
  domains: readonly string[],
  options: IngestSeedsOptions,
): Promise<PostmasterOutcome> {
  const progress = environment.console.progress("ingest seeds");
  try {
    const outcome = await ingestPostmaster(
      { domains, ...rangeOf(options, environment.now()), dryRun: options.dryRun === true },
      postmasterEnv(environment.settings),
      ingestContext(environment, { ...options, trustReceivedAt: false }),
      environment.signal,
      (days) => progress.update(days, undefined, "days"),
    );
    progress.done(`${outcome.received.toLocaleString("en-US")} statistics`);
    return outcome;
  } catch (error) {
    throw homeTrouble(error, environment.home.raw);
  }
}

/** The last `days` days that are over, unless both ends are given. */
function rangeOf({ from, until, days }: IngestSeedsOptions, now: Date): { readonly from: string; readonly to: string } {
  const isDay = (text: string): boolean =>
    /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(`${text}T00:00:00Z`));
  const wrong = [from, until].find((text) => text !== undefined && !isDay(text));
  if (wrong !== undefined) throw badRange(`${wrong} is no day`);
  const dayBefore = (day: string, count: number): string =>
    new Date(Date.parse(`${day}T00:00:00Z`) - count * 86_400_000).toISOString().slice(0, 10);
  const last = until ?? dayBefore(now.toISOString().slice(0, 10), 1);
  const first = from ?? dayBefore(last, (days ?? 30) - 1);
  if (first > last) throw badRange(`${first} is after ${last}`);
  return { from: first, to: last };
}

const badRange = (message: string): UserError =>
  new UserError(message, {
    code: "ingest.bad-range",
    exit: "usage",
    next: "--from 2026-01-01 --until 2026-01-31, or --days 30",
  });

/** A token from the settings, or the one of the machine (application default credentials). */
function postmasterEnv(settings: Environment["settings"]): PostmasterEnv {
  const endpoint = googleEndpoint(settings, "INBOXLOOP_POSTMASTER_ENDPOINT", {
    service: "Postmaster Tools",
    standard: postmasterEndpoint,
  });
  const given = settings["INBOXLOOP_POSTMASTER_TOKEN"];
  const token = given ? async () => given : defaultToken();
  return { endpoint, token, sleep: (ms) => sleep(ms) };
}

function defaultToken(): () => Promise<string> {
  const token = googleToken(postmasterScope);
  return async () => {
    const given = await token();
    if (given) return given;
    throw new UserError("no credentials for Google Postmaster", {
      code: "postmaster.no-credentials",
      exit: "config",
      where: "INBOXLOOP_POSTMASTER_TOKEN, or application default credentials",
      next: `gcloud auth application-default login --scopes=${postmasterScope}`,
    });
  };
}

function render({ files, preview, unreadable = [], postmaster }: SeedsResult): string {
  const parts: string[] = [];
  if (files) parts.push(renderOutcome(files));
  if (preview) {
    const counts = (sums: Readonly<Record<string, number>>): string =>
      Object.entries(sums)
        .map(([name, count]) => `${count} ${name}`)
        .join(", ") || "-";
    parts.push(
      table(
        ["file", "records", "would land", "dead letters"],
        preview.map((one) => [
          one.path.split("/").at(-1)!,
          one.records,
          counts(one.rows_by_table),
          counts(one.dead_letters_by_reason),
        ]),
      ),
    );
  }
  if (unreadable.length > 0) parts.push(unreadableLines(unreadable).join("\n"));
  if (postmaster) {
    const asked = postmaster.dry_run ? "days to ask for" : "days asked for";
    const rows = postmaster.domains.map(
      (one) => [one.domain, one.days_before, one.days_asked, one.days_landed] as const,
    );
    parts.push(table(["domain", "days landed before", asked, "days landed"], rows));
    if (!postmaster.dry_run) parts.push(sumOf(postmaster));
  }
  return parts.join("\n\n");
}

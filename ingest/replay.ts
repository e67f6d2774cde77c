import { createHash } from "node:crypto";
import { join } from "node:path";
import { csvLetterValue, decoderFor, isDecoderKind } from "./decoders.ts";
import { pointedTo, setAsideName, unseal } from "./door/dead-letter.ts";
import { type Micros, parseInstant } from "./door/instant.ts";
import { type RawRow, rawColumns } from "./door/raw-row.ts";
import type { Item } from "./door/signal.ts";
import { guessDelimiter } from "./files/csv.ts";
import { doorOf, erasedAt, type IngestContext, openLocalIngest } from "./ingest-files.ts";
import type { BatchEntry } from "./ledger.ts";
import type { Mapping } from "./mapping/schema.ts";
import { type IngestTotals, type Message, runIngest, type Source } from "./pipeline.ts";
import type { LocalSink } from "./segments/local-sink.ts";
import { locateSegments } from "./segments/segment-map.ts";
import { readAside } from "./set-aside.ts";

export interface ReplayOptions {
  readonly reason?: string | undefined;
  /** Letters received at or after this instant. */
  readonly since?: Micros | undefined;
  readonly limit?: number | undefined;
  readonly dryRun: boolean;
  /** For letters of mapped files: the mapping, corrected. */
  readonly mapping?: Mapping | undefined;
}

export interface ReplayOutcome {
  /** Letters that the options select and no earlier replay has settled. */
  readonly selected: number;
  /** Of these: would land (dry run) or have landed or turned out to be duplicates. */
  readonly accepted: number;
  /** Still refused, by the reason that today's code gives. */
  readonly refused: Readonly<Record<string, number>>;
  readonly dry_run: boolean;
  readonly totals?: IngestTotals | undefined;
}

const blockLetters = 500;

/**
 * Runs dead letters through today's decoders and door. Those that pass land as a batch of their own, whose ledger entry
 * names the letters that it settles, so a letter lands at most once however often it is replayed; the others stay.
 */
export async function replay(
  context: IngestContext,
  options: ReplayOptions,
  signal: AbortSignal,
): Promise<ReplayOutcome> {
  const { sink, envFor } = await openLocalIngest(context);
  try {
    const refused: Record<string, number> = {};
    const accepted: Message[] = [];
    let selected = 0;
    const erased = erasedAt(context);
    await erased.refresh();
    const { hashId } = erased;
    const door = erased.guard(await doorOf(context, hashId));
    const arrival = context.now().getTime() * 1000;
    for await (const letter of lettersOf(context.raw, sink, options)) {
      selected += 1;
      const item = await decodeAgain(letter, context, options, hashId);
      const admitted = door(item, arrival);
      if (admitted.kind === "dead-letter") refused[admitted.reason] = (refused[admitted.reason] ?? 0) + 1;
      else {
        const id = String(letter.row["dead_letter_id"]);
        accepted.push({ data: new Uint8Array(), position: accepted.length + 1, ackId: id, value: item });
      }
    }
    const outcome = { selected, accepted: accepted.length, refused, dry_run: options.dryRun };
    if (options.dryRun || accepted.length === 0) return outcome;
    const decode = (message: Message) => [message.value as Item];
    const totals = await runIngest(envFor({ source: replaySource(accepted), decode }), signal);
    return { ...outcome, totals };
  } finally {
    sink.close();
  }
}

interface SelectedLetter {
  readonly row: RawRow;
  /** As it is stored: its own bytes, or those of the letter that its own points to; undefined where that one is missing. */
  readonly sealed: Buffer | undefined;
  /** The content of the file that it came from. */
  readonly fileId: string;
}

async function* lettersOf(raw: string, sink: LocalSink, options: ReplayOptions): AsyncIterable<SelectedLetter> {
  const batches = sink.ledger.entries.filter((entry): entry is BatchEntry => entry.kind === "batch");
  const settled = new Set(batches.flatMap((entry) => entry.replayed ?? []));
  const fileIds = new Map(batches.map((entry) => [entry.batch_id, entry.source_id.split("/")[0]!]));
  const isGone = (await sink.retractions()).filter("dead_letters");
  let left = options.limit ?? Number.POSITIVE_INFINITY;
  const body = new SharedBody(raw);
  for (const { table, segment, skip, rows } of locateSegments(sink.ledger.entries)) {
    if (table !== "dead_letters") continue;
    for await (const block of sink.store.read(join(raw, segment), rawColumns(table), { skip, rows })) {
      for (const row of block) {
        const sealed = body.of(row);
        if (row["payload"] === null || settled.has(String(row["dead_letter_id"])) || isGone?.(row)) continue;
        if (options.reason !== undefined && row["reason"] !== options.reason) continue;
        if (options.since !== undefined && (row["received_at"] as number) < options.since) continue;
        if (left <= 0) return;
        left -= 1;
        yield { row, sealed, fileId: fileIds.get(String(row["batch_id"])) ?? "" };
      }
    }
  }
}

/** The body that several letters share: the letter that has the bytes is stored right before those that point to it. */
class SharedBody {
  #holder = "";
  #sealed: Buffer | undefined;
  readonly #raw: string;

  constructor(raw: string) {
    this.#raw = raw;
  }

  of(row: RawRow): Buffer | undefined {
    if (row["payload"] === null) return undefined;
    const stored = Buffer.from(String(row["payload"]), "base64");
    const position = pointedTo(stored);
    if (position !== undefined) return `${row["batch_id"]}/${position}` === this.#holder ? this.#sealed : undefined;
    this.#holder = `${row["batch_id"]}/${row["position"]}`;
    const aside = setAsideName(stored);
    this.#sealed = aside === undefined ? stored : readAside(this.#raw, aside);
    return this.#sealed;
  }
}

/** What today's decoder makes of the letter's payload: the one item of it that had failed. */
async function decodeAgain(
  { row, sealed, fileId }: SelectedLetter,
  context: IngestContext,
  { mapping }: ReplayOptions,
  hashId: (id: string) => string,
): Promise<Item> {
  if (!sealed) return refused("malformed-input", "the letter that holds its bytes is missing");
  const payload = unseal(sealed, context.keys.deadLetters);
  if (!payload) return refused("malformed-input", "no key opens the letter");
  const [kind = ""] = String(row["source"]).split(":", 1);
  const isMapped = kind.startsWith("mapped-");
  if (isMapped && !mapping) return refused("missing-column", "a letter of a mapped file needs its mapping");
  if (!isDecoderKind(kind)) {
    return refused("malformed-input", "its source has no decoder");
  }
  const [record = "0", item = "0"] = String(row["position"]).split("#");
  let value: unknown;
  if (kind === "mapped-csv" || kind === "seeds-csv") {
    value = await csvLetterValue(payload, mapping, guessDelimiter(payload.toString("utf8")));
    if (value === undefined) return refused("malformed-input", "no record in it");
  }
  const decode = decoderFor(kind, {
    hashId,
    mapping,
    fileId,
    fileName: String(row["source"]).slice(kind.length + 1),
    mail: context.mail,
    sources: context.sources,
  });
  const items = await decode({ data: payload, position: Number(record), value });
  return items[Number(item)] ?? refused("malformed-input", "the payload says fewer things than it did");
}

const refused = (reason: "malformed-input" | "missing-column", detail: string): Item => ({
  kind: "dead-letter",
  reason,
  detail,
});

function replaySource(messages: readonly Message[]): Source {
  const digest = createHash("sha256")
    .update(messages.map((message) => message.ackId).join("\n"))
    .digest("hex");
  return {
    name: "replay:dead_letters",
    id: `replay-${digest}`,
    from: 0,
    isReplay: true,
    async *pull(signal) {
      for (let at = 0; at < messages.length && !signal.aborted; at += blockLetters)
        yield messages.slice(at, at + blockLetters);
    },
    async ack() {},
  };
}

/** `2026-01-31`, an instant, or a span back from now: `7d`, `12h`, `30m`. */
export function parseSince(text: string, now: Date): Micros | undefined {
  const span = /^(\d+)\s*([dhm])$/.exec(text.trim());
  if (!span) return parseInstant(text);
  const minutes = { d: 1440, h: 60, m: 1 }[span[2] as "d" | "h" | "m"];
  return (now.getTime() - Number(span[1]) * minutes * 60_000) * 1000;
}

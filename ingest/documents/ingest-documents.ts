import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors/user-error.ts";
import { syncDirectory } from "../../platform/files.ts";
import { readHomeText, writeWhole } from "../../platform/home-files.ts";
import { decoderFor } from "../decoders.ts";
import { createIdHasher } from "../door/id-hasher.ts";
import { type IngestContext, openIngest } from "../ingest-files.ts";
import { type IngestTotals, type Message, noTotals, runIngest, type Source } from "../pipeline.ts";
import { addTotals } from "../totals.ts";
import { putAside, type SetAside } from "../unreadable.ts";
import type { DocumentRef } from "./find-documents.ts";

export interface DocumentsOutcome extends IngestTotals {
  /** Documents given, each content counted once. */
  readonly documents: number;
  /** The same content given again in this run. */
  readonly repeated: number;
  /** Documents that an earlier run had landed. */
  readonly already_ingested: number;
  readonly state: "ingested" | "already-ingested" | "interrupted";
}

/** Documents in one block of the pipeline: few, because each may be large. */
const blockDocuments = 32;

/**
 * Ingests each mail (`mail`) or authentication report (`dmarc`) exactly once by its content, however often and in
 * whatever company it is given. Before a run reads anything it writes down the digests it is about to read, in order,
 * under the source's id; how many of them have landed is what the ledger says of that source. So a run that was killed
 * leaves no doubt, and a Maildir that has grown costs only its new mails. A document that can no longer be read when its turn
 * comes ends that list, is told to `setAside`, and what was behind it is a list of its own.
 */
export async function ingestDocuments(
  kind: "mail" | "dmarc",
  found: AsyncIterable<DocumentRef>,
  context: IngestContext & { readonly state: string },
  signal: AbortSignal,
  progress?: (totals: IngestTotals) => void,
  setAside?: SetAside,
): Promise<DocumentsOutcome> {
  const { sink, envFor } = await openIngest(context);
  try {
    const lists = join(context.state, `ingested-${kind}`);
    const landed = await landedDigests(lists, sink);
    const fresh = new Map<string, DocumentRef>();
    let documents = 0;
    let repeated = 0;
    let already = 0;
    const seen = new Set<string>();
    for await (const document of found) {
      if (signal.aborted) break;
      if (seen.has(document.digest)) {
        repeated += 1;
        continue;
      }
      seen.add(document.digest);
      documents += 1;
      if (landed.has(document.digest)) already += 1;
      else fresh.set(document.digest, document);
    }
    const counted = { documents, repeated, already_ingested: already };
    if (fresh.size === 0) return { ...noTotals(), ...counted, state: "already-ingested" };

    const totals = noTotals();
    for (let digests: readonly string[] = [...fresh.keys()].sort(); digests.length > 0 && !signal.aborted; ) {
      const id = `${kind}-${createHash("sha256").update(digests.join("\n")).digest("hex")}`;
      await writeList(lists, id, digests);
      const decode = decoderFor(kind, {
        hashId: createIdHasher(context.keys.ids.active),
        fileId: id,
        mail: context.mail,
        sources: context.sources,
      });
      let end = digests.length;
      const lost = (at: number, error: unknown) => {
        const { path } = fresh.get(digests[at]!)!;
        if (path === undefined) throw error;
        putAside(path, error, setAside);
        end = at + 1;
      };
      const source = documentSource(kind, id, sink.progressOf(id)?.to ?? 0, digests, fresh, lost);
      addTotals(totals, await runIngest(envFor({ source, decode }, progress), signal));
      digests = digests.slice(end);
    }
    return { ...totals, ...counted, state: signal.aborted ? "interrupted" : "ingested" };
  } finally {
    await sink.close();
  }
}

function documentSource(
  kind: string,
  id: string,
  from: number,
  digests: readonly string[],
  documents: ReadonlyMap<string, DocumentRef>,
  lost: (at: number, error: unknown) => void,
): Source {
  return {
    name: `${kind}:documents`,
    id,
    from,
    async *pull(signal) {
      for (let at = from; at < digests.length && !signal.aborted; at += blockDocuments) {
        const block: Message[] = [];
        for (const [index, digest] of digests.slice(at, at + blockDocuments).entries()) {
          try {
            block.push({ data: await unchanged(documents.get(digest)!), position: at + index + 1 });
          } catch (error) {
            lost(at + index, error);
            yield block;
            return;
          }
        }
        yield block;
      }
    },
    async ack() {},
  };
}

/** The bytes of a document, as long as they are those that were found: what is at its place now may be another one. */
async function unchanged({ path, digest, read }: DocumentRef): Promise<Buffer> {
  const bytes = await read();
  if (path === undefined || createHash("sha256").update(bytes).digest("hex") === digest) return bytes;
  throw new UserError(`it changed while it was read: ${path}`, {
    code: "ingest.no-file",
    exit: "usage",
    where: path,
    next: "repeat the command when nobody writes there",
  });
}

async function writeList(lists: string, id: string, digests: readonly string[]): Promise<void> {
  await writeWhole(join(lists, `${id}.list`), `${digests.join("\n")}\n`);
  await syncDirectory(lists);
}

type Progress = Pick<Awaited<ReturnType<typeof openIngest>>["sink"], "progressOf">;

/** Digests of every document that has landed: of each list as many as the ledger says. */
async function landedDigests(lists: string, sink: Progress): Promise<ReadonlySet<string>> {
  const landed = new Set<string>();
  if (!existsSync(lists)) return landed;
  for (const name of await readdir(lists)) {
    if (!name.endsWith(".list")) continue;
    const to = sink.progressOf(name.slice(0, -".list".length))?.to ?? 0;
    if (to === 0) continue;
    const digests = (await readHomeText(join(lists, name))).trimEnd().split("\n");
    for (const digest of digests.slice(0, to)) landed.add(digest);
  }
  return landed;
}

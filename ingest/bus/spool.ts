import { existsSync } from "node:fs";
import { link, mkdir, readdir, readFile, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { syncDirectory, syncFile } from "../../platform/files.ts";
import { damagedKind } from "../decoders.ts";
import type { IngestContext } from "../ingest-files.ts";
import { bigQueryLedgerPath, openLedger } from "../ledger.ts";
import type { Message, Source } from "../pipeline.ts";
import { ledgerPath } from "../segments/local-sink.ts";
import { keepDamaged } from "./quarantine.ts";
import { logsIn } from "./spool-logs.ts";
import { type Damage, readSpool, type SpoolReadOptions } from "./spool-read.ts";

export interface SpoolSourceOptions extends SpoolReadOptions {
  readonly dir: string;
  /** Names this reader's place in the spool. */
  readonly reader: string;
  /** What the ledger says that this reader has landed. */
  readonly from: number;
  /** Called for bytes that are no frame, once they lie in the quarantine under the name given. */
  readonly damaged?: ((damage: Damage, name: string) => void) | undefined;
}

/** The id under which the ledger knows a reader of this spool. The spool's own id is made with it. */
export async function spoolSourceId(dir: string, reader: string, newId: () => string): Promise<string> {
  await mkdir(dir, { recursive: true });
  const path = join(dir, "spool.json");
  if (!existsSync(path)) {
    const id = newId();
    const own = `${path}.${id}`;
    await writeFile(own, `${JSON.stringify({ id })}\n`);
    await syncFile(own);
    // A link, not a rename: of two readers that start together, the second must not give the spool another name.
    await link(own, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
    await unlink(own);
    await syncDirectory(dir);
  }
  const { id } = JSON.parse(await readFile(path, "utf8")) as { id: string };
  return `spool-${id}/${reader}`;
}

/** A spool as a source of the pipeline: its positions are the ledger's, so that each message lands exactly once. */
export function spoolSource(id: string, { dir, reader, from, damaged, ...read }: SpoolSourceOptions): Source {
  return {
    name: `spool:${reader}`,
    id,
    from,
    async *pull(signal) {
      for await (const block of readSpool(dir, from, { ...read, signal })) {
        const messages: Message[] = [];
        for (const one of block) {
          const { position, damage } = one;
          if (damage) {
            damaged?.(damage, await keepDamaged(dir, damage));
            messages.push({ data: damage.bytes, position, source: `${damagedKind}:${damage.why}` });
          } else
            messages.push({
              data: one.data,
              position,
              source: `${one.kind}:${reader}`,
              arrival: one.receivedAt * 1000,
            });
        }
        yield messages;
      }
    },
    /** Only a hint for `pruneSpool`; the truth is the ledger. */
    async ack(_ids, to) {
      await writeFile(join(dir, `reader-${reader}.json`), `${JSON.stringify({ to })}\n`);
    },
  };
}

/** How far a reader of a spool has landed, by the ledger of where its rows go; 0 where there is none, or none that can be read. */
export async function landedByLedger(id: string, context: Pick<IngestContext, "raw" | "bigQuery">): Promise<number> {
  const { bigQuery } = context;
  const path = bigQuery
    ? bigQueryLedgerPath(join(bigQuery.state, `${bigQuery.projectId}.${bigQuery.dataset}`))
    : ledgerPath(context.raw);
  if (!existsSync(path)) return 0;
  const entries = await openLedger(path)
    .refresh({ repair: false })
    .catch(() => []); // whoever lands says what is wrong with it
  const last = entries.findLast((entry) => entry.kind === "batch" && entry.source_id === id);
  return last?.kind === "batch" ? last.to : 0;
}

/** Removes logs that every known reader has behind it. Gives the number of logs removed. */
export async function pruneSpool(dir: string): Promise<number> {
  const readers = (await readdir(dir)).filter((name) => /^reader-.*\.json$/.test(name));
  if (readers.length === 0) return 0;
  let least = Number.POSITIVE_INFINITY;
  for (const name of readers) {
    const { to } = JSON.parse(await readFile(join(dir, name), "utf8")) as { to: number };
    least = Math.min(least, to);
  }
  const logs = await logsIn(dir);
  let removed = 0;
  for (const [index, log] of logs.entries()) {
    const next = logs[index + 1];
    if (!next || next.first > least + 1) break;
    await unlink(log.path);
    removed += 1;
  }
  return removed;
}

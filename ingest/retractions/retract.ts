import { UserError } from "../../errors/user-error.ts";
import { instantText } from "../door/instant.ts";
import { type RawRow, receivedAt } from "../door/raw-row.ts";
import type { Item } from "../door/signal.ts";
import type { IngestEnv, Message, Source } from "../pipeline.ts";
import { runIngest } from "../pipeline.ts";
import { isRetractable, rowDigest } from "./row-digest.ts";
import { idColumn, type Selection, selects } from "./selection.ts";
import type { Retractions } from "./standing.ts";

/** Where landed rows are. */
export interface LandedRows {
  /** Rows of a table in blocks, at least those that a selection asks for. */
  rows(table: string, selection: Selection | undefined, batchId: string | undefined): AsyncIterable<readonly RawRow[]>;
  /** The tables that a batch wrote; undefined where no batch is called so, or no row says which batch it came with. */
  tablesOf(batchId: string): readonly string[] | undefined;
  retractions(): Promise<Retractions>;
}

export interface RetractEnv {
  readonly landed: LandedRows;
  readonly envFor: (input: Pick<IngestEnv, "source" | "decode">) => IngestEnv;
  readonly now: () => Date;
  readonly newId: () => string;
  readonly signal: AbortSignal;
}

export type RetractWhat =
  | { readonly kind: "batch"; readonly batchId: string }
  | { readonly kind: "where"; readonly selection: Selection };

export interface RetractOutcome {
  readonly retraction_id: string | null;
  readonly dry_run: boolean;
  /** Rows that this takes back, by table. */
  readonly rows: Readonly<Record<string, number>>;
  /** Rows that were asked for and are taken back already. */
  readonly already: number;
}

const blockRows = 5000;

/**
 * Takes landed rows back: appends a row of raw.retractions for each, through the door, with a line of the ledger. Nothing is deleted. Only rows that are
 * there now are meant, never some to come. Interrupted, it has taken a part back; called again, it takes the rest.
 */
export async function retract(
  env: RetractEnv,
  what: RetractWhat,
  { reason, dryRun }: { readonly reason: string; readonly dryRun: boolean },
): Promise<RetractOutcome> {
  const tables = what.kind === "where" ? [what.selection.table] : env.landed.tablesOf(what.batchId);
  if (tables === undefined) throw noBatch(what.kind === "batch" ? what.batchId : "");
  const wanted = tables.filter(isRetractable);
  if (wanted.length === 0)
    throw new UserError(`it holds ${tables.join(", ") || "no rows"}, which is not taken back`, {
      code: "ingest.not-retractable",
      exit: "usage",
      next: "a retraction is undone by: inboxloop ingest retract --undo <retraction id> --reason ...",
    });
  const standing = await env.landed.retractions();
  const id = env.newId();
  const counts: Record<string, number> = {};
  let already = 0;
  const statedAt = env.now().toISOString();
  const found = async function* (): AsyncIterable<Item> {
    for (const table of wanted) {
      const isGone = standing.filter(table);
      const isWanted = what.kind === "where" ? selects(what.selection) : () => true;
      const [selection, batchId] = what.kind === "where" ? [what.selection, undefined] : [undefined, what.batchId];
      for await (const block of env.landed.rows(table, selection, batchId)) {
        env.signal.throwIfAborted();
        for (const row of block) {
          if (!isWanted(row)) continue;
          if (isGone?.(row)) {
            already += 1;
            continue;
          }
          counts[table] = (counts[table] ?? 0) + 1;
          yield statement(table, row, { id, reason, statedAt });
        }
      }
    }
  };
  const items = found()[Symbol.asyncIterator]();
  const first = await items.next();
  if (!first.done && !dryRun) await land(env, id, behind(first.value, items));
  else while (!(await items.next()).done);
  const rows = { ...counts };
  const sum = Object.values(rows).reduce((one, other) => one + other, 0);
  return { retraction_id: dryRun || sum === 0 ? null : id, dry_run: dryRun, rows, already };
}

async function* behind(first: Item, rest: AsyncIterator<Item>): AsyncIterable<Item> {
  yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

/** Undoes a retraction: its rows count again, unless another retraction names them too. Gives the rows that it named. */
export async function undoRetraction(
  env: RetractEnv,
  retractionId: string,
  { reason, dryRun }: { readonly reason: string; readonly dryRun: boolean },
): Promise<{ readonly retraction_id: string; readonly dry_run: boolean; readonly rows: number }> {
  const standing = await env.landed.retractions();
  const rows = standing.rowsOf(retractionId);
  if (rows === undefined || standing.isUndone(retractionId))
    throw new UserError(
      rows === undefined
        ? `no retraction is called ${retractionId}`
        : `retraction ${retractionId} has been undone already`,
      {
        code: "ingest.no-retraction",
        exit: "usage",
        next: 'inboxloop query "select retraction_id, min(reason) as reason, count(row_digest) as n from raw.retractions group by 1"',
      },
    );
  if (!dryRun) {
    const values = { retraction_id: retractionId, is_undone: true, reason, stated_at: env.now().toISOString() };
    await land(
      env,
      `undo-${retractionId}`,
      (async function* () {
        yield { kind: "row", table: "retractions", values } as const;
      })(),
    );
  }
  return { retraction_id: retractionId, dry_run: dryRun, rows };
}

function statement(
  table: string,
  row: RawRow,
  { id, reason, statedAt }: { readonly id: string; readonly reason: string; readonly statedAt: string },
): Item {
  const own = idColumn(table);
  return {
    kind: "row",
    table: "retractions",
    values: {
      retraction_id: id,
      table_name: table,
      row_digest: rowDigest(table, row),
      // an id of a thing; what stands for a person or a message is in the digest alone
      row_id: own === undefined ? null : row[own],
      row_received_at: instantText(receivedAt(row)),
      reason,
      stated_at: statedAt,
    },
  };
}

async function land(env: RetractEnv, id: string, items: AsyncIterable<Item>): Promise<void> {
  const source: Source = {
    name: `retraction:${id}`,
    id: `retraction-${id}`,
    from: 0,
    async *pull() {
      let position = 0;
      let block: Message[] = [];
      for await (const value of items) {
        position += 1;
        block.push({ data: new Uint8Array(), position, value });
        if (block.length < blockRows) continue;
        yield block;
        block = [];
      }
      if (block.length > 0) yield block;
    },
    async ack() {},
  };
  const totals = await runIngest(
    env.envFor({ source, decode: ({ value }) => [value as Item] }),
    new AbortController().signal,
  );
  if (totals.dead_letter > 0) throw new Error(`retraction ${id}: ${totals.dead_letter} statements were refused`);
}

const noBatch = (batchId: string): UserError =>
  new UserError(
    `no batch of this machine's ledger is called ${batchId}, or it does not say when its rows were received`,
    {
      code: "ingest.no-batch",
      exit: "usage",
      where: "--batch",
      next: 'inboxloop query "select batch_id, source, landed, received_at from raw.ingest_ledger order by received_at desc limit 20"; or use --where',
    },
  );

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Change, openOutbox } from "../../../activation/outbox.ts";
import { outboxOf } from "../../../cli/commands/activate/outbox-folder.ts";
import { homeAt } from "../../../platform/home.ts";
import { hashId, jane, janesIds, joe, openHomeWarehouse } from "../erasure/support.ts";

/** What stands in every home of this test: a campaign, a provider, ids, types, fields. */
export const planted = ["promo", "gmail", "j1-message", "no-such-type", jane, ...janesIds, hashId(joe)];
export const certain = ["promo", "gmail", "j1-message", ...janesIds];

export function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** What stands in base64 of whatever begins with the text; of a short one chance makes as much. */
const base64Of = (text: string): readonly Buffer[] =>
  text.length < 9 ? [] : [Buffer.from(Buffer.from(text).toString("base64").slice(0, -4))];

/** Files in which one of the texts stands as it is, in any of three encodings. */
export function inClear(folder: string, texts: readonly string[]): readonly string[] {
  return filesBelow(folder).flatMap((path) => {
    const bytes = readFileSync(path);
    const found = texts.find((text) =>
      [Buffer.from(text), Buffer.from(text, "utf16le"), ...base64Of(text)].some((one) => bytes.includes(one)),
    );
    return found === undefined ? [] : [`${path.slice(folder.length + 1)}: ${found}`];
  });
}

export async function tables(folder: string): Promise<Readonly<Record<string, readonly string[]>>> {
  const warehouse = await openHomeWarehouse(homeAt(folder));
  try {
    const names = ["events.events", "governance.pairs", "governance.counts"];
    const found: Record<string, readonly string[]> = {};
    for (const name of names)
      found[name] = (await warehouse.query(`select * from ${name}`)).rows
        .map((row) => JSON.stringify(row, (_, value) => (typeof value === "bigint" ? String(value) : value)))
        .sort();
    return found;
  } finally {
    await warehouse.close();
  }
}

/** A mail of Jane's that is out, and one of Joe's. */
export async function fillOutbox(folder: string): Promise<void> {
  const outbox = openOutbox(outboxOf(homeAt(folder)));
  const of = (id: string, message_id: string): Change => ({
    decision_id: `d-${message_id}`,
    entry: {
      ...{ state: "handed_over", message_id, to: "hook", attempts: 1, at: 1, reason: null, provider_id: "promo" },
      ...{ not_before: null, is_maybe_taken: false, batch: null },
    },
    signal: { user_id_hash: id, message_id },
  });
  await outbox.write([of(janesIds[0]!, "j1-message"), of(hashId(joe), "a1-message")]);
  await outbox.close();
}

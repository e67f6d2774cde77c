import { z } from "zod";
import { UserError } from "../../errors/user-error.ts";
import type { JournalState } from "./journal.ts";

/**
 * What somebody outside remembers of a journal. A chain shows that no entry was changed, not that it still ends where it ended: whoever
 * may write the file may cut its tail or write the whole of it anew. Against an anchor kept where they may not write, both are found.
 */
export const anchorShape = z.strictObject({
  /** The journal's name: `the release log`. */
  journal: z.string().min(1),
  entries: z.int().nonnegative(),
  head_hash: z.string().regex(/^[0-9a-f]{64}$/),
  anchored_at: z.iso.datetime(),
});
export type Anchor = z.infer<typeof anchorShape>;

export const anchorOf = (journal: string, state: JournalState<object>, at: Date): Anchor => ({
  journal,
  entries: state.entries.length,
  head_hash: state.head,
  anchored_at: at.toISOString(),
});

/** Reads an anchor's text; it may hold several lines, of which those of other journals are left out. */
export function parseAnchors(text: string, journal: string, where: string): readonly Anchor[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines
    .map((line, index) => {
      const found = anchorShape.safeParse(tryJson(line));
      if (found.success) return found.data;
      throw new UserError(`not an anchor: ${found.error.issues[0]?.message}`, {
        code: "journal.anchor",
        exit: "config",
        where: `${where}:${index + 1}`,
      });
    })
    .filter((anchor) => anchor.journal === journal);
}

const tryJson = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
};

/** What became of the journal that an anchor remembers; undefined when it is the same one, grown or not. */
export function brokenAnchor(anchor: Anchor, state: JournalState<object>): string | undefined {
  const { entries, head_hash, anchored_at } = anchor;
  if (entries === 0) return undefined;
  if (state.entries.length < entries)
    return `its tail was cut: it had ${entries} entries on ${anchored_at} and has ${state.entries.length}`;
  const then = (state.entries[entries - 1] as { readonly entry_hash?: string } | undefined)?.entry_hash;
  return then === head_hash
    ? undefined
    : `it was written anew: entry ${entries} is not the one anchored on ${anchored_at}`;
}

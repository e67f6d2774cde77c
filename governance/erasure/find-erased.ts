import { visitTexts } from "../pii/audit-home.ts";

/** Texts of a file, or of a table of BigQuery, that name somebody who was erased; the ids are not repeated. */
export interface ErasedInFile {
  readonly file: string;
  /** `schema.table.column` of a database, a column of a Parquet file or of a table; empty for a plain file. */
  readonly place: string;
  readonly times: number;
}

const longestId = 1024;
const pseudonyms = /sha256:[0-9a-f]{64}/gi;
const quotedTexts = /"((?:[^"\\]|\\.){1,1024})"/g;

/** Whether a text names somebody who was erased: as a whole, by a pseudonym in it, or by a quoted text in it. */
export const namesErased =
  (isErased: (id: string) => boolean) =>
  (text: string): boolean => {
    if (text.length <= longestId && isErased(text)) return true;
    for (const [id] of text.matchAll(pseudonyms)) if (isErased(id.toLowerCase())) return true;
    for (const [, inner] of text.matchAll(quotedTexts)) if (isErased(inner!)) return true;
    return false;
  };

/**
 * Reads every byte below a folder for people who were erased: each pseudonym in any text, and each text, and each quoted one in it, as an id of a message. Nothing
 * but tokens is known of them, so every candidate is asked for (`isErased`).
 */
export async function findErased(
  root: string,
  isErased: (id: string) => boolean,
  options: Parameters<typeof visitTexts>[1],
): Promise<{
  readonly files: number;
  readonly findings: readonly ErasedInFile[];
  readonly unread: readonly { readonly file: string; readonly why: string }[];
}> {
  const found = new Map<string, { file: string; place: string; times: number }>();
  const isNamed = namesErased(isErased);
  const { files, unread } = await visitTexts(root, { ...options, withIds: true }, (file) => (place) => (text) => {
    if (!isNamed(text)) return;
    const key = `${file}\0${place}`;
    const known = found.get(key) ?? { file, place, times: 0 };
    known.times += 1;
    found.set(key, known);
  });
  return { files, findings: [...found.values()], unread };
}

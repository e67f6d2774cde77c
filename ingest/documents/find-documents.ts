import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readFile, stat } from "node:fs/promises";
import { UserError } from "../../errors/user-error.ts";
import { filesIn } from "../files/files-in.ts";
import { noFile, putAside, type SetAside } from "../unreadable.ts";

/** One mail or report: where its bytes are, and the digest by which it is known again wherever it lies. */
export interface DocumentRef {
  /** SHA-256 of the bytes, hex. */
  readonly digest: string;
  /** Where it lies; undefined for what came on standard input or out of a mailbox. */
  readonly path?: string | undefined;
  read(): Promise<Buffer>;
}

/** A document larger than this is read no further: what it says stands at its beginning. */
export const maxDocumentBytes = 64 << 20;

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Bytes that are at hand already: standard input. */
export function documentsInBytes(bytes: Buffer): readonly DocumentRef[] {
  return splitMbox(bytes).map((part) => ({ digest: sha256(part), read: async () => part }));
}

/**
 * The documents at a path: a file, an mbox (its mails one by one), a Maildir (`cur` and `new`; a mail that is still
 * being delivered lies in `tmp` and is left alone) or a folder of any of them, in the order of their names. What cannot
 * be read is told to `setAside`, and without one a UserError.
 */
export async function* findDocuments(path: string, setAside?: SetAside): AsyncIterable<DocumentRef> {
  let isFolder: boolean;
  try {
    const info = await stat(path);
    isFolder = info.isDirectory();
    if (!isFolder && !info.isFile()) throw noFile(path);
  } catch (error) {
    putAside(path, error, setAside);
    return;
  }
  const files = isFolder ? filesIn(path, { wants, enters, setAside }) : [{ path }];
  for await (const file of files) {
    try {
      yield* documentsInFile(file.path);
    } catch (error) {
      putAside(file.path, error, setAside);
    }
  }
}

const isMaildir = (names: readonly string[]): boolean => ["cur", "new", "tmp"].every((one) => names.includes(one));
/** Beside the folders of a Maildir lie its server's own files; hidden ones are nobody's mail, hidden folders may be Maildirs. */
const wants = (name: string, beside: readonly string[]): boolean => !(name.startsWith(".") || isMaildir(beside));
const enters = (name: string, beside: readonly string[]): boolean => !(name === "tmp" && isMaildir(beside));

async function* documentsInFile(path: string): AsyncIterable<DocumentRef> {
  if (await isMbox(path)) {
    yield* mailsOfMbox(path);
    return;
  }
  const { size } = await stat(path);
  if (size > maxDocumentBytes) {
    throw new UserError(`${path} is too large to be one document`, {
      code: "ingest.document-too-large",
      exit: "usage",
      where: path,
      next: `documents have at most ${maxDocumentBytes >> 20} MiB; several mails in one file are an mbox`,
    });
  }
  yield { digest: sha256(await readFile(path)), path, read: () => readFile(path) };
}

async function isMbox(path: string): Promise<boolean> {
  const handle = await open(path, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(200), 0, 200, 0);
    return separator.test(buffer.toString("latin1", 0, bytesRead));
  } finally {
    await handle.close();
  }
}

/** `From sender date`, as an mbox has it before each mail (RFC 4155); a year ends it. */
const separator = /^From [^\r\n]*\d{4}[^\r\n]*\r?\n/;
const from = Buffer.from("\nFrom ");

/** Places in `bytes` at which a mail of an mbox begins: after a blank line, at a separator. */
function mailStarts(bytes: Buffer): readonly number[] {
  const starts: number[] = separator.test(bytes.toString("latin1", 0, 400)) ? [0] : [];
  for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + 1)) {
    const isAfterBlank = bytes[at - 1] === 10 || (bytes[at - 1] === 13 && bytes[at - 2] === 10);
    if (isAfterBlank && separator.test(bytes.toString("latin1", at + 1, at + 401))) starts.push(at + 1);
  }
  return starts;
}

/** A mail of an mbox without its separator; quoted `>From ` lines lose their mark (mboxrd). */
function unquoted(mail: Buffer): Buffer {
  const end = mail.indexOf(10) + 1;
  const body = mail.subarray(end);
  if (!body.includes("\n>")) return body;
  return Buffer.from(body.toString("latin1").replace(/^>(>*From )/gm, "$1"), "latin1");
}

function splitMbox(bytes: Buffer): readonly Buffer[] {
  const starts = mailStarts(bytes);
  if (starts[0] !== 0) return [bytes];
  return starts.map((start, at) => unquoted(bytes.subarray(start, starts[at + 1] ?? bytes.length)));
}

/** The mails of an mbox of any size: it is read once for their digests, and a mail again when it is asked for. */
async function* mailsOfMbox(path: string): AsyncIterable<DocumentRef> {
  let held = Buffer.alloc(0);
  let offset = 0;
  const refOf = (begin: number, mail: Buffer): DocumentRef => ({
    digest: sha256(unquoted(mail)),
    path,
    read: async () => {
      const handle = await open(path, "r");
      try {
        const { buffer } = await handle.read(Buffer.alloc(mail.length), 0, mail.length, begin);
        return unquoted(buffer);
      } finally {
        await handle.close();
      }
    },
  });
  for await (const chunk of createReadStream(path, { highWaterMark: 4 << 20 })) {
    held = Buffer.concat([held, chunk as Buffer]);
    if (held.length > maxDocumentBytes * 2) {
      throw new UserError(`a mail in ${path} is larger than ${maxDocumentBytes >> 20} MiB`, {
        code: "ingest.document-too-large",
        exit: "usage",
        where: `${path}, byte ${offset}`,
        next: "take that mail out of the mbox",
      });
    }
    // The last start may be cut by the end of the chunk: it stays for the next one.
    const starts = mailStarts(held);
    const last = starts.at(-1) ?? 0;
    for (const [at, start] of starts.entries()) {
      const next = starts[at + 1];
      if (next !== undefined) yield refOf(offset + start, Buffer.from(held.subarray(start, next)));
    }
    held = held.subarray(last);
    offset += last;
  }
  if (held.length > 0) yield refOf(offset, held);
}

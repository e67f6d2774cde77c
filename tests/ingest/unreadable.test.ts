import { mkdirSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findDocuments } from "../../ingest/documents/find-documents.ts";
import { ingestDocuments } from "../../ingest/documents/ingest-documents.ts";
import { createIdHasher } from "../../ingest/door/id-hasher.ts";
import { type FileInput, fileInput } from "../../ingest/files/file.ts";
import { ingestFiles } from "../../ingest/ingest-files.ts";
import type { Unreadable } from "../../ingest/unreadable.ts";
import { eventRecord, rowsOf, temporaryFolder, testContext, testKeys, writeLines } from "./support.ts";

const live = new AbortController().signal;
const hashId = createIdHasher(testKeys.ids.active);
const gone = () => Object.assign(new Error("EIO: i/o error, read"), { code: "EIO", syscall: "read" });

/** A file whose disk gives up behind its first block. */
const breaking = (input: FileInput, error: Error): FileInput => ({
  ...input,
  open: (from) => {
    const source = input.open(from);
    return {
      ...source,
      async *pull(signal) {
        for await (const block of source.pull(signal)) {
          yield block;
          throw error;
        }
      },
    };
  },
});

async function* listed(inputs: readonly FileInput[]) {
  yield* inputs;
}

test("when a file breaks off while it is read then what was read of it has not landed, and is no duplicate where it comes again", async () => {
  const folder = temporaryFolder();
  const raw = join(folder, "raw");
  const first = writeLines(join(folder, "a.ndjson"), [eventRecord(1), eventRecord(2)]);
  const second = writeLines(join(folder, "b.ndjson"), [eventRecord(2), eventRecord(3)]);
  const inputs = [breaking(await fileInput(first, { hashId }), gone()), await fileInput(second, { hashId })];
  const aside: Unreadable[] = [];
  const run = (of: readonly FileInput[]) =>
    ingestFiles(listed(of), testContext(raw), live, undefined, (one) => aside.push(one));
  expect(await run(inputs)).toMatchObject([{ path: second, landed: 2, duplicate: 0 }]);
  expect(aside).toMatchObject([{ path: first, code: "ingest.no-file", why: expect.stringContaining("EIO") }]);
  expect(await run([await fileInput(first, { hashId })])).toMatchObject([{ landed: 1, duplicate: 1 }]);
  expect((await rowsOf(raw, "events")).map((row) => row["event_id"])).toEqual(["e2", "e3", "e1"]);
});

test("when a file breaks off behind its first batches then it is said how much of it landed, and the next run goes on there", async () => {
  const folder = temporaryFolder();
  const raw = join(folder, "raw");
  const path = writeLines(
    join(folder, "a.ndjson"),
    Array.from({ length: 5 }, (_, n) => eventRecord(n)),
  );
  const aside: Unreadable[] = [];
  const run = (of: FileInput) =>
    ingestFiles(listed([of]), testContext(raw, { batchRecords: 2 }), live, undefined, (one) => aside.push(one));
  expect(await run(breaking(await fileInput(path, { hashId }), gone()))).toEqual([]);
  expect(aside[0]?.why).toContain("its first 4 records have landed");
  expect(await run(await fileInput(path, { hashId }))).toMatchObject([{ state: "resumed", records: 1, landed: 1 }]);
});

test("when the trouble is not the file's then it ends the run", async () => {
  const folder = temporaryFolder();
  const path = writeLines(join(folder, "a.ndjson"), [eventRecord(1)]);
  for (const error of [new Error("a bug"), Object.assign(new Error("EMFILE"), { code: "EMFILE", syscall: "open" })]) {
    const inputs = listed([breaking(await fileInput(path, { hashId }), error)]);
    const run = ingestFiles(inputs, testContext(join(folder, "raw")), live, undefined, () => {});
    await expect(run).rejects.toBe(error);
  }
});

const mail = (n: number) =>
  `From: MAILER-DAEMON@mx.example.net\nSubject: Undelivered Mail\nMessage-ID: <b${n}@mx.example.net>\n\n<reader${n}@example.org>: 550 5.1.1 no such user\n`;

test("when mails vanish or change between being found and being read then the others land, each once, and they are taken when they are there", async () => {
  const home = temporaryFolder();
  const folder = join(home, "mails");
  mkdirSync(folder);
  const names = Array.from({ length: 40 }, (_, n) => join(folder, String(n).padStart(2, "0")));
  for (const [n, path] of names.entries()) writeFileSync(path, mail(n));
  const lost = [names[3]!, names[38]!];
  const changed = names[20]!;
  const run = async (between: () => void) => {
    const aside: Unreadable[] = [];
    const found = async function* () {
      yield* findDocuments(folder, (one) => aside.push(one));
      between();
    };
    const context = { ...testContext(join(home, "raw")), state: join(home, "state") };
    const outcome = await ingestDocuments("mail", found(), context, live, undefined, (one) => aside.push(one));
    return { ...outcome, aside: aside.map(({ path }) => path).sort() };
  };
  const first = await run(() => {
    for (const path of lost) unlinkSync(path);
    writeFileSync(changed, mail(100));
  });
  expect(first).toMatchObject({ documents: 40, received: 37, landed: 37, aside: [names[3], changed, names[38]] });
  for (const path of lost) writeFileSync(path, mail(names.indexOf(path)));
  const second = await run(() => {});
  expect(second).toMatchObject({ documents: 40, already_ingested: 37, received: 3, landed: 3, aside: [] });
  expect(await rowsOf(join(home, "raw"), "events")).toHaveLength(40);
});

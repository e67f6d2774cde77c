// Bounce mails and complaints that nobody here wrote, read from ../shared/data where they are there.

import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { decodeMail } from "../../../ingest/mail/decode-mail.ts";

const bounces = resolve(import.meta.dirname, "../../../../shared/data/bounces");

interface Row {
  readonly file: string;
  readonly index: number;
  readonly status: string;
  readonly code: string;
  readonly feedback: string;
  readonly bounceClass: string;
}

const agreedRows = (): Row[] =>
  readFileSync(join(bounces, "expected.tsv"), "utf8")
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split("\t"))
    .filter((cells) => cells[8] === "both-agree")
    .map(([file = "", index, status = "", code = "", , , feedback = "", bounceClass = ""]) => ({
      file: file.split("/").at(-1) ?? "",
      index: Number(index) - 1,
      status,
      code,
      feedback,
      bounceClass,
    }));

/** A complaint with seven Original-Rcpt-To: the key has it seven times, for us it is one, of nobody that the report names. */
const ofSeveral = "arf-16.eml";

describe.runIf(existsSync(bounces))("mails of ../shared/data/bounces", () => {
  const rows = (existsSync(bounces) ? agreedRows() : []).filter(({ file, index }) => file !== ofSeveral || index === 0);
  test.each(rows.map((row) => [row.file, row.index + 1, row] as const))(
    "when %s arrives then recipient %i is judged as its key says",
    async (_file, _number, row) => {
      const decoded = (await decodeMail(readFileSync(join(bounces, "emails/bsd", row.file))))[row.index];
      if (row.feedback === "auth-failure") {
        expect(decoded).toMatchObject({ kind: "row", table: "dmarc_reports" });
        return;
      }
      if (decoded?.kind !== "signal") throw new Error(`not landed: ${JSON.stringify(decoded)}`);
      const { eventType, metadata } = decoded.signal;
      if (row.feedback) {
        expect(eventType).toBe(row.feedback === "opt-out" ? "unsubscribe" : "complaint");
        return;
      }
      if (row.bounceClass === "none") {
        expect(["reply", "delivered"]).toContain(eventType);
        return;
      }
      expect(["bounce", "deferred"]).toContain(eventType);
      // Codes of the form x.0.9xx are internal to the implementations behind the key.
      if (row.status && !/\.0\.9\d\d$/.test(row.status)) expect(metadata["enhanced_code"]).toBe(row.status);
      if (row.code) expect(metadata["smtp_code"]).toBe(row.code);
      expect(metadata["class"] === "hard").toBe(row.bounceClass === "hard");
    },
  );
});

// The cookbook's example, taken out of its page and run.

import { createHmac } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import type { Provider } from "../../ingest/sources/provider.ts";

const root = resolve(import.meta.dirname, "../..");
const page = readFileSync(resolve(root, "docs/cookbooks/add-a-provider.md"), "utf8");
const block = (language: string): string => new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(page)?.[1] ?? "";

test("when the cookbook's provider is built as it stands then it checks and decodes its own example", async () => {
  // Beside this test, so that its imports can point into the sources; gone when the test is over.
  const path = resolve(import.meta.dirname, `.cookbook-${process.pid}.ts`);
  onTestFinished(() => rmSync(path, { force: true }));
  const source = block("ts")
    .replaceAll('"./', `"${resolve(root, "ingest/sources")}/`)
    .replaceAll('"../', `"${resolve(root, "ingest")}/`);
  writeFileSync(path, source);
  const { acmeMail } = (await import(pathToFileURL(path).href)) as { acmeMail: Provider };

  const body = Buffer.from(block("json").trim());
  const signature = createHmac("sha256", "ours").update(body).digest("hex");
  const context = { now: new Date(0), replayWindowSeconds: 300, fetchCertificate: async () => "" };
  const call = { method: "POST", url: "https://hooks.example.com/", headers: { "x-acme-signature": signature }, body };
  expect(await acmeMail.verify(call, { signingKey: "ours" }, context)).toEqual({ kind: "authentic" });
  expect((await acmeMail.verify(call, { signingKey: "theirs" }, context)).kind).toBe("refused");
  expect(
    (await acmeMail.verify({ ...call, body: Buffer.from(`${body} `) }, { signingKey: "ours" }, context)).kind,
  ).toBe("refused");
  expect(acmeMail.decode(call)).toMatchObject([
    {
      kind: "signal",
      signal: { eventType: "bounce", messageId: "m1", metadata: { class: "hard", enhanced_code: "5.1.1" } },
    },
  ]);
  expect(acmeMail.decode({ headers: {}, body: Buffer.from('{"kind":"constructor"}') })).toMatchObject([
    { kind: "dead-letter" },
  ]);
});

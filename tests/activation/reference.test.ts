import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { parseActivation } from "../../activation/settings.ts";

const page = readFileSync(join(resolve(import.meta.dirname, "../.."), "docs/reference/activation.md"), "utf8");

test("when a reader copies the example of the reference, then it is a settings file with every kind of receiver", () => {
  const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
  const { receivers } = parseActivation(example, "docs/reference/activation.md");
  expect(Object.values(receivers).map(({ kind }) => kind)).toEqual(["ses", "sendgrid", "webhook", "file"]);
});

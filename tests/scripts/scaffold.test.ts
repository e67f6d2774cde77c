import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Kind, scaffold, write } from "../../scripts/scaffold.ts";

const root = resolve(import.meta.dirname, "../..");
let copy: string;
beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), "inboxloop-new-"));
  for (const path of [
    "docs/cookbooks/add-a-provider.md",
    "ingest/sources/providers.ts",
    "packages/googlesql/functions/catalogue.ts",
    "includes",
    "definitions",
  ])
    cpSync(join(root, path), join(copy, path), { recursive: true });
});
afterEach(() => rmSync(copy, { recursive: true, force: true }));

const begin = (kind: Kind, name: string) => {
  const begun = scaffold(copy, kind, name);
  write(copy, begun);
  return begun;
};
const text = (path: string) => readFileSync(join(copy, path), "utf8");

test("when a provider is begun then its file is the cookbook's under its name, and the list has it", () => {
  const { next } = begin("provider", "zeta_post");
  expect(text("ingest/sources/zeta-post.ts")).toMatch(
    /const provider = "zeta_post";[\s\S]*export const zetaPost: Provider/,
  );
  expect(text("ingest/sources/zeta-post.ts")).not.toMatch(/acme/i);
  expect(text("ingest/sources/providers.ts")).toMatch(
    /import \{ zetaPost \} from ".\/zeta-post.ts";[\s\S]*\n {4}zetaPost,\n {2}\]\.map/,
  );
  expect(JSON.parse(text("tests/fixtures/zeta-post/refused.json"))).toMatchObject({ kind: "refused" });
  expect(next.join("\n")).toContain("hook-settings.ts");
});

test("when a labelling function is begun then the list loads with it, and it abstains until it is written", () => {
  begin("labelling-function", "forwarded_twice");
  const list = createRequire(import.meta.url)(join(copy, "includes/labelling_functions.js"));
  expect(list.list.at(-1)).toMatchObject({ name: "forwarded_twice", question: "read", sql: "if(false, 'for', null)" });
  expect(() => begin("labelling-function", "forwarded_twice")).toThrow(/already/);
});

test("when a function is begun then the catalogue takes it in, and its test fails until it has the documentation's table", () => {
  begin("function", "new_function");
  expect(text("packages/googlesql/functions/new-function.ts")).toContain('scalar("string", "NEW_FUNCTION"');
  expect(text("packages/googlesql/functions/catalogue.ts")).toMatch(
    /import \{ newFunctionLibrary \}[\s\S]*\n {2}newFunctionLibrary,\n\];/,
  );
  expect(text("packages/googlesql/tests/functions/new-function.test.ts")).toContain("the documentation's answer");
});

test("when a model is begun then it stands in its layer with rows of its own, and nothing is written twice", () => {
  begin("model", "monitoring.clicks_daily");
  expect(text("definitions/monitoring/clicks_daily.sqlx")).toContain('schema: "monitoring"');
  expect(text("tests/models/clicks_daily/each_message_once/expect.yaml")).toContain("m1");
  expect(() => begin("model", "monitoring.clicks_daily")).toThrow(/is there already/);
});

test.each([
  ["provider", "Acme Mail", /like acme_mail/],
  ["model", "clicks_daily", /like monitoring.clicks_daily/],
  ["model", "marts.clicks", /definitions\/ has no marts; it has .*monitoring/],
  ["function", "new-function", /like NEW_FUNCTION/],
  ["labelling-function", "../x", /like forwarded_twice/],
] as const)("when a %s is to be called %s then it is refused with what would do", (kind, name, why) => {
  expect(() => begin(kind, name)).toThrow(why);
});

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** What contributors add most, and can begin by a command. */
export const kinds = ["provider", "model", "function", "labelling-function"] as const;
export type Kind = (typeof kinds)[number];

/** Files that a beginning writes or changes, from the root, and what is still a person's to do. */
export interface Beginning {
  readonly files: Readonly<Record<string, string>>;
  readonly next: readonly string[];
}

const kebab = (name: string): string => name.replaceAll("_", "-");
const camel = (name: string): string => name.replace(/_(.)/g, (_all, letter: string) => letter.toUpperCase());

function named(name: string, shape: RegExp, example: string): string {
  if (!shape.test(name)) throw new Error(`"${name}" is no name for it; like ${example}`);
  return name;
}

/** Puts a line before the end of a list that begins with `opening`. */
function intoList(text: string, opening: string, closing: string, line: string): string {
  const from = text.indexOf(opening);
  const end = from < 0 ? -1 : text.indexOf(closing, from);
  if (end < 0) throw new Error(`nowhere to put "${line.trim()}": ${opening} … ${closing} is not there`);
  return `${text.slice(0, end)}${line}${text.slice(end)}`;
}

/** Puts an import below the last one. */
function withImport(text: string, line: string): string {
  const last = [...text.matchAll(/^import .*;$/gm)].at(-1);
  const end = last ? last.index + last[0].length : 0;
  return `${text.slice(0, end)}\n${line}${text.slice(end)}`;
}

/** The example of the cookbook under another name: the page and the beginning cannot part. */
function provider(root: string, name: string): Beginning {
  named(name, /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/, "acme_mail");
  const page = readFileSync(join(root, "docs/cookbooks/add-a-provider.md"), "utf8");
  const block = (language: string) => new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1] ?? "";
  const renamed = (text: string) =>
    text
      .replaceAll("acme_mail", name)
      .replaceAll("acmeMail", camel(name))
      .replaceAll("x-acme-", `x-${kebab(name)}-`)
      .replaceAll("acme", name);
  const source = renamed(block("ts")).replace(/^\/\/ ingest.*\n/, `// ${name}: where its webhooks are documented\n\n`);
  const list = "ingest/sources/providers.ts";
  const before = readFileSync(join(root, list), "utf8");
  return {
    files: {
      [`ingest/sources/${kebab(name)}.ts`]: source,
      [`tests/fixtures/${kebab(name)}/refused.json`]: block("json"),
      [list]: intoList(
        withImport(before, `import { ${camel(name)} } from "./${kebab(name)}.ts";`),
        "new Map(",
        "  ].map(",
        `    ${camel(name)},\n`,
      ),
    },
    next: [
      `what its calls say and how they are signed: ingest/sources/${kebab(name)}.ts`,
      "its secrets, in the table of ingest/collector/hook-settings.ts",
      "what its ids name, in ingest/sources/message-identity.ts",
      "a signed call, in tests/ingest/collector/signed-calls.ts",
      "docs/cookbooks/add-a-provider.md has each step; npx vitest run tests/ingest",
    ],
  };
}

function model(root: string, name: string): Beginning {
  const [dataset, table] = named(name, /^[a-z]+\.[a-z][a-z0-9_]*$/, "monitoring.clicks_daily").split(".") as [
    string,
    string,
  ];
  const layers = readdirSync(join(root, "definitions"));
  if (!layers.includes(dataset)) throw new Error(`definitions/ has no ${dataset}; it has ${layers.join(", ")}`);
  return {
    files: {
      [`definitions/${dataset}/${table}.sqlx`]: `config {
  type: "table",
  schema: "${dataset}",
  description: "What it tells. Grain: message_id.",
  columns: docs.columns("message_id"),
  assertions: { uniqueKey: ["message_id"], nonNull: ["message_id"] },
  tags: ["warn"]
}

with

messages as (
  select * from \${ref("messages")}
)

select
  message_id
from messages
`,
      [`tests/models/${table}/each_message_once/inputs.yaml`]: "events.messages:\n  - { message_id: m1 }\n",
      [`tests/models/${table}/each_message_once/expect.yaml`]: "query:\n  - { message_id: m1 }\n",
    },
    next: [
      "the description, which ends with the grain, and the wording of new columns in includes/docs.js",
      `rows that fail first: tests/models/${table}/; npx inboxloop test --select ${table}`,
      "npm run codegen",
    ],
  };
}

function engineFunction(root: string, name: string): Beginning {
  const upper = named(name.toUpperCase(), /^[A-Z][A-Z0-9_]*$/, "NEW_FUNCTION");
  const file = kebab(upper.toLowerCase());
  const library = `${camel(upper.toLowerCase())}Library`;
  const catalogue = "packages/googlesql/functions/catalogue.ts";
  const before = readFileSync(join(root, catalogue), "utf8");
  return {
    files: {
      [`packages/googlesql/functions/${file}.ts`]: `import type { FunctionLibrary } from "./contract.ts";
import { scalar, sig } from "./signature.ts";

/** ${upper}: what it gives, with the address of its documentation. */
export const ${library}: FunctionLibrary = {
  functions: [scalar("string", "${upper}", [sig("STRING", "STRING", (text) => text)])],
};
`,
      [`packages/googlesql/tests/functions/${file}.test.ts`]: `import { afterAll, expect, test } from "vitest";
import { openLocalWarehouse } from "../../duckdb/local-warehouse.ts";

const warehouse = await openLocalWarehouse();
afterAll(() => warehouse.close());

/** The documentation's table: an expression, and what it gives. */
const documented: readonly (readonly [string, unknown])[] = [["${upper}('a')", "the documentation's answer"]];

test.each(documented)("when it is %s then it gives what the documentation says", async (sql, value) => {
  expect((await warehouse.run(\`select \${sql}\`)).rows).toEqual([[value]]);
});
`,
      [catalogue]: intoList(
        withImport(before, `import { ${library} } from "./${file}.ts";`),
        "export const catalogue",
        "];",
        `  ${library},\n`,
      ),
    },
    next: [
      `signatures and what each becomes: packages/googlesql/functions/${file}.ts`,
      `the documentation's table, in its test, which fails until then: npx vitest run packages/googlesql/tests/functions/${file}.test.ts`,
      "npm run test:googlesql, which generates calls of it too; npm run codegen",
    ],
  };
}

function labellingFunction(root: string, name: string): Beginning {
  named(name, /^[a-z][a-z0-9_]*$/, "forwarded_twice");
  const file = "includes/labelling_functions.js";
  const before = readFileSync(join(root, file), "utf8");
  if (before.includes(`name: "${name}"`)) throw new Error(`${file} has ${name} already`);
  return {
    files: {
      [file]: intoList(
        before,
        "const list = [",
        "\n];",
        `\n  {\n    name: "${name}",\n    question: "read",\n    sql: "if(false, 'for', null)",\n    confidence: 0.9,\n    owner: "data science",\n  },`,
      ),
    },
    next: [
      `what it asks a row of labels.label_facts, whom it answers for and how often it is thought right: ${file}`,
      "rows that fail first: tests/models/votes/; npx inboxloop test --select votes",
      "inboxloop labels report, which tells its coverage, overlap and conflict",
    ],
  };
}

/**
 * What begins one of these under a name, against the tree below `root`. Nothing is written. Throws where the name has not the shape of
 * its kind, or the file is there already.
 */
export function scaffold(root: string, kind: Kind, name: string): Beginning {
  const make = { provider, model, function: engineFunction, "labelling-function": labellingFunction }[kind];
  const begun = make(root, name);
  const [first = ""] = Object.keys(begun.files);
  if (kind !== "labelling-function" && existsSync(join(root, first))) throw new Error(`${first} is there already`);
  return begun;
}

/** Writes a beginning below `root`. */
export function write(root: string, { files }: Beginning): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

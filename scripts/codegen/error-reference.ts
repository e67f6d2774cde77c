import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { exitCodes } from "../../errors/user-error.ts";
import { errorCodes } from "../../packages/googlesql/index.ts";

interface Found {
  readonly code: string;
  readonly exit: string;
  readonly file: string;
  readonly message: string;
}

const rooms =
  "activation cli demo errors governance ingest platform policy release report retrain scoring serve targets warehouse";

/** docs/reference/errors.md: the code of every error that a person can act on, as the sources spell it. */
export function errorReference(root: string): string {
  const found = new Map<string, Found>();
  for (const room of rooms.split(" ")) {
    for (const path of sources(join(root, room))) {
      const file = relative(root, path);
      for (const error of errorsIn(readFileSync(path, "utf8"), file)) {
        if (!found.has(error.code)) found.set(error.code, error);
      }
    }
  }
  const rows = [...found.values()]
    .sort((a, b) => (a.code < b.code ? -1 : 1))
    .map(
      ({ code, exit, file, message }) =>
        `| \`${code}\` | ${exitCodes[exit as keyof typeof exitCodes]} | ${message} | ${file} |`,
    );
  const ofStatements = Object.entries(errorCodes).map(
    ([code, what]) => `| \`${code}\` | ${exitCodes.check} | ${what} |`,
  );
  return `# Errors

Generated from the sources by \`npm run codegen\`. Every error that a person can act on has a code, an exit code, the place of the trouble and a command to try
next. Codes and exit codes are the promise; wording may change. Where a message says \`…\`, the value stands.

| code | exit | message | from |
| --- | --- | --- | --- |
${rows.join("\n")}

## Of a statement

What the local engine says of GoogleSQL has the same codes wherever the statement was run: by a build, a plan, a test, a query, a certificate, or by a program that uses the engine
alone ([packages/googlesql](../../packages/googlesql/README.md)). The message says what; the place is in the file that was written.

| code | exit | what it says |
| --- | --- | --- |
${ofStatements.join("\n")}
`;
}

function sources(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  } catch {
    return [];
  }
}

/** A code and an exit kind that stand together, and the message before them. */
function errorsIn(text: string, file: string): readonly Found[] {
  const found: Found[] = [];
  for (const match of text.matchAll(/code: "([a-z][a-z-]*\.[a-z][a-z.-]*)",\s+exit: "([A-Za-z]+)"/g)) {
    const before = text.slice(Math.max(0, match.index - 600), match.index);
    const opening = before.slice(before.lastIndexOf("UserError("));
    const message = /UserError\(\s*(["'`])((?:\\.|(?!\1)[\s\S])*)\1/.exec(opening)?.[2] ?? "";
    found.push({ code: match[1]!, exit: match[2]!, file, message: plain(message) });
  }
  return found;
}

const plain = (message: string): string =>
  message
    .replace(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, "…")
    .replace(/\s+/g, " ")
    .replaceAll("|", "\\|")
    .trim();

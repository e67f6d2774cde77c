import {
  GoogleSqlError,
  type ObjectName,
  pathOf,
  readScript,
  type Statement,
  walk,
} from "../../packages/googlesql/index.ts";
import { trimmed } from "./statements.ts";

/** What a statement does to what is there when its script has ended. */
const lasting: Readonly<Record<Statement["kind"], "no" | "unless temporary" | "rows" | "yes">> = {
  "query-statement": "no",
  declare: "no",
  "set-variable": "no",
  if: "no",
  "case-statement": "no",
  loop: "no",
  while: "no",
  repeat: "no",
  "for-in": "no",
  break: "no",
  continue: "no",
  block: "no",
  raise: "no",
  return: "no",
  assert: "no",
  "create-table": "unless temporary",
  "create-view": "unless temporary",
  "create-function": "unless temporary",
  insert: "rows",
  update: "rows",
  delete: "rows",
  merge: "rows",
  truncate: "rows",
  "create-table-function": "yes",
  "create-constant": "yes",
  "create-procedure": "yes",
  "create-schema": "yes",
  drop: "yes",
  alter: "yes",
  "export-data": "yes",
  call: "yes",
  "execute-immediate": "yes",
  transaction: "yes",
};

/**
 * Whether pre-operations leave nothing behind: they make variables, temporary tables, views and functions, and change rows of such
 * tables alone. A text that cannot be read is taken to leave something.
 */
export function onlyPrepares(texts: readonly string[]): boolean {
  const temporary = new Set<string>();
  const nameOf = (name: ObjectName): string => pathOf(name).join(".").toLowerCase();
  const statements = statementsOf(texts);
  let isSo = statements !== undefined;
  for (const statement of statements ?? []) {
    walk(statement, (node) => {
      const effect = (lasting as Readonly<Record<string, string | undefined>>)[node.kind];
      if (effect === "yes") isSo = false;
      if (node.kind === "create-table" || node.kind === "create-view" || node.kind === "create-function") {
        if (node.temporary) temporary.add(nameOf(node.name));
        else isSo = false;
      }
      if (effect === "rows" && !temporary.has(nameOf((node as Extract<Statement, { table: ObjectName }>).table)))
        isSo = false;
      return node.kind === "query" ? "skip" : undefined;
    });
  }
  return isSo;
}

/**
 * A script whose last query has the columns of an incremental's query and no rows. The pre-operations come first, as the query may read
 * the temporary tables that they make; where they do more than prepare they are left out, since they run once more with the query itself.
 */
export function columnsScript(part: { readonly preOps: readonly string[]; readonly query: string }): string {
  const before = onlyPrepares(part.preOps) ? part.preOps : [];
  const query = part.query.trim().replace(/;\s*$/, "");
  return trimmed([...before, `select * from (\n${query}\n) limit 0`]).join("\n;\n");
}

function statementsOf(texts: readonly string[]): readonly Statement[] | undefined {
  try {
    return readScript({ text: trimmed(texts).join("\n;\n") }).statements;
  } catch (error) {
    if (!(error instanceof GoogleSqlError)) throw error;
    return undefined;
  }
}

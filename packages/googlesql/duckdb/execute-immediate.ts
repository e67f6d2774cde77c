import { coerceOrFail } from "../analyzer/coerce.ts";
import type { Analysis } from "../analyzer/context.ts";
import type { ExecuteImmediate, Script, Statement } from "../ast.ts";
import { GoogleSqlEvaluationError, UnsupportedGoogleSql } from "../errors.ts";
import { readScript } from "../read-script.ts";
import { positionAt } from "../span.ts";
import { type Binding, bound, type TranslateOptions } from "../translate.ts";
import type { GoogleSqlType } from "../types.ts";
import { bindingOf } from "./render-value.ts";
import type { GoogleSqlSession, SessionResult } from "./session.ts";
import type { Value } from "./values.ts";

type Kind = Statement["kind"];

/** A query, DML or DDL may be made at run time. */
const allowed: ReadonlySet<Kind> = new Set<Kind>([
  "query-statement",
  "insert",
  "update",
  "delete",
  "merge",
  "truncate",
  "create-table",
  "create-view",
  "create-schema",
  "create-function",
  "create-table-function",
  "drop",
  "alter",
]);

/** GoogleSQL's own list of what may not: https://cloud.google.com/bigquery/docs/reference/standard-sql/procedural-language */
const forbidden: ReadonlySet<Kind> = new Set<Kind>([
  "execute-immediate",
  "block",
  "case-statement",
  "if",
  "loop",
  "repeat",
  "while",
  "for-in",
  "call",
]);

/**
 * The statement that `EXECUTE IMMEDIATE` was given as a text, as a script of its own. Throws GoogleSqlEvaluationError for NULL, for
 * none or several statements and for control flow; places in its errors are `<place of EXECUTE IMMEDIATE> > <place in the text>`.
 */
export function readDynamicStatement({ source }: Analysis, node: ExecuteImmediate, text: Value): Script {
  if (text === null) throw new GoogleSqlEvaluationError("EXECUTE IMMEDIATE sql string cannot be NULL");
  const { line, column } = positionAt(source.text, node.sql.span.start);
  const file = `${source.file ?? "query"}:${line}:${column} > EXECUTE IMMEDIATE`;
  const script = readScript({ text: String(text), file });
  const [statement, ...others] = script.statements;
  if (!statement) throw new GoogleSqlEvaluationError("Empty EXECUTE IMMEDIATE sql string cannot be executed");
  if (others.length > 0)
    throw new GoogleSqlEvaluationError("EXECUTE IMMEDIATE sql string must contain exactly one statement");
  const { kind } = statement;
  if (forbidden.has(kind))
    throw new GoogleSqlEvaluationError(
      `SQL created by EXECUTE IMMEDIATE contains unsupported statement type: ${kind.replaceAll("-", " ").toUpperCase()}`,
    );
  if (!allowed.has(kind))
    throw new UnsupportedGoogleSql(
      `EXECUTE_IMMEDIATE_${kind.replaceAll("-", "_")}`,
      "this statement, made at run time",
      {
        source: { text: script.text, file },
        span: statement.span,
      },
    );
  if (node.into.length > 0 && kind !== "query-statement")
    throw new GoogleSqlEvaluationError("EXECUTE IMMEDIATE with INTO clause must use a query statement");
  return script;
}

/** No variable of INTO is given two values. */
export function checkInto(a: Analysis, node: ExecuteImmediate): void {
  const keys = new Set<string>();
  for (const at of node.into) {
    const key = at.name.toLowerCase();
    if (keys.has(key)) a.fail(at, `The same parameter cannot be assigned multiple times in an INTO clause: ${at.name}`);
    keys.add(key);
  }
}

/** The values of USING as the parameters of the statement: all of them by name, or all by place. */
export function usingParameters(
  a: Analysis,
  node: ExecuteImmediate,
  values: readonly Binding[],
): Pick<TranslateOptions, "parameters" | "positional"> {
  const parameters = new Map<string, Binding>();
  for (const [i, given] of node.using.entries()) {
    const { alias } = given;
    if ((alias === undefined) !== (node.using[0]!.alias === undefined))
      a.fail(given, "Cannot mix named and positional parameters");
    if (!alias) continue;
    const key = alias.name.toLowerCase();
    if (parameters.has(key))
      a.fail(alias, `The same parameter cannot be assigned multiple times in a USING clause: ${alias.name}`);
    parameters.set(key, values[i]!);
  }
  return parameters.size > 0 ? { parameters } : { positional: values };
}

/** The one row of a query as values for the variables of INTO; NULL for each when there is none. */
export async function intoValues(
  a: Analysis,
  node: ExecuteImmediate,
  session: Pick<GoogleSqlSession, "read">,
  types: readonly GoogleSqlType[],
  { columns, rows }: SessionResult,
): Promise<readonly Value[]> {
  if (columns.length !== types.length)
    throw new GoogleSqlEvaluationError(
      "Variables returned by Dynamic SQL do not match number of variables in INTO clause, " +
        `expected ${types.length} columns, but got ${columns.length}`,
    );
  if (rows.length > 1) throw new GoogleSqlEvaluationError("DynamicSQL may only return 0 or 1 rows with INTO clause");
  const [row] = rows;
  if (!row) return types.map(() => null);
  const coerced = types.map((type, i) => {
    const given = bound(bindingOf(row[i]!, columns[i]!.type), false);
    return coerceOrFail(a, node.into[i]!, given, type, `The value for ${node.into[i]!.name}`);
  });
  const sql = `SELECT ${coerced.map((value, i) => `${value.sql} AS c${i}`).join(", ")}`;
  return (
    await session.read(
      sql,
      types.map((type) => ({ name: "", type })),
    )
  )[0]!;
}

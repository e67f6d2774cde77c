import { parseQuery, type Query, type QueryBody, type Select } from "../../packages/googlesql/index.ts";

/** Holds the conditions that a row fails, until there is a row for each; no table's column. */
const failing = "_failing_row_conditions";

/**
 * Dataform writes `rowConditions` as one query a condition over the same table, joined by UNION ALL: a view is worked out, and a table
 * read, as many times as it has conditions. This is the same in one pass, the same rows in the same columns; `undefined` for a query of
 * any other shape, and for a single condition, which is one pass already.
 */
export function rowConditionsInOnePass(query: string): string | undefined {
  const conditions = conditionsOf(query);
  const [first] = conditions;
  if (first === undefined || conditions.length < 2 || conditions.some(({ table }) => table !== first.table))
    return undefined;
  const names = conditions.map(({ name, isBroken }) => `    IF(${isBroken}, ${name}, NULL)`);
  return [
    `SELECT\n  failing_row_condition,\n  checked.* EXCEPT (${failing})`,
    `FROM (\n  SELECT *, [\n${names.join(",\n")}\n  ] AS ${failing}\n  FROM ${first.table}`,
    `  WHERE ${conditions.map(({ isBroken }) => isBroken).join("\n    OR ")}\n) AS checked`,
    `CROSS JOIN UNNEST(checked.${failing}) AS failing_row_condition\nWHERE failing_row_condition IS NOT NULL`,
  ].join("\n");
}

interface RowCondition {
  /** GoogleSQL texts, as they stand in the query. */
  readonly name: string;
  readonly table: string;
  readonly isBroken: string;
}

/** The conditions in their order; none when the query is not of Dataform's shape. */
function conditionsOf(text: string): readonly RowCondition[] {
  // The texts of what is no such assertion need not be read.
  if (!text.includes("failing_row_condition")) return [];
  const query = readable(text);
  if (query === undefined) return [];
  const { body, with: common, orderBy, limit, pipes } = query;
  if (common !== undefined || orderBy.length + pipes.length > 0 || limit !== undefined) return [];
  const found = armsOf(body).map((arm) => rowCondition(arm, text));
  return found.every((one) => one !== undefined) ? found : [];
}

/** Undefined where the text is none: whoever runs it as it is written says what is wrong, and where. */
function readable(text: string): Query | undefined {
  try {
    return parseQuery(text);
  } catch {
    return undefined;
  }
}

const armsOf = (body: QueryBody): readonly QueryBody[] =>
  body.kind === "set-operation" && body.operator === "union" && body.quantifier === "all" && body.matching === undefined
    ? body.inputs
    : [];

function rowCondition(arm: QueryBody, text: string): RowCondition | undefined {
  if (arm.kind !== "select" || !isPlain(arm)) return undefined;
  const [name, star, ...others] = arm.items;
  const { from, where } = arm;
  if (
    name?.kind !== "select-expression" ||
    name.alias?.name !== "failing_row_condition" ||
    name.expression.kind !== "string-literal" ||
    star?.kind !== "select-star" ||
    star.except.length + star.replace.length > 0 ||
    others.length > 0 ||
    from?.kind !== "table-reference" ||
    from.alias !== undefined ||
    where === undefined
  )
    return undefined;
  const textOf = ({ span }: { readonly span: { readonly start: number; readonly end: number } }) =>
    text.slice(span.start, span.end);
  return { name: textOf(name.expression), table: textOf(from), isBroken: textOf(where) };
}

const isPlain = (select: Select): boolean =>
  !select.distinct &&
  select.as === undefined &&
  select.groupBy === undefined &&
  select.having === undefined &&
  select.qualify === undefined &&
  select.windows.length === 0 &&
  select.hint === undefined;

import {
  type Expression,
  type NamedArgument,
  type Node,
  positionAt,
  type Query,
  readQuery,
  type Select,
  walk,
} from "../packages/googlesql/index.ts";

/** A query that may be answered out of a privacy budget: one SELECT WITH DIFFERENTIAL_PRIVACY over one table. */
export interface PrivateQuery {
  readonly epsilon: number;
  readonly delta: number;
  /** `schema.table` */
  readonly table: string;
  /** The column whose values are protected. */
  readonly unit: string;
  readonly isOrdered: boolean;
}

export interface NoPrivateQuery {
  /** A sentence that begins with what is wrong. */
  readonly why: string;
  /** `line:column` in the statement. */
  readonly at: string;
}

/** Of what is worked out for each row: what can fail on no value. An error would tell of the row that it came from. */
const rowKinds: ReadonlySet<string> = new Set<Node["kind"]>([
  "path",
  "identifier",
  "integer-literal",
  "float-literal",
  "string-literal",
  "boolean-literal",
  "null-literal",
  "typed-literal",
  "logical",
  "is-test",
  "is-distinct-from",
  "in",
  "value-list",
  "between",
  "case",
  "case-branch",
]);
const rowFunctions = new Set(["IF", "COALESCE", "IFNULL", "NULLIF", "LOWER", "UPPER", "DATE_TRUNC", "TIMESTAMP_TRUNC"]);
/** The beginnings of weeks may lie before the first day that there is. */
const truncations = new Set(["DAY", "MONTH", "QUARTER", "YEAR"]);
const comparisons = new Set(["=", "<>", "<", "<=", ">", ">="]);
/** Others could say, on one engine or the next, that groups are shown whoever is in them. */
const known = new Set(["epsilon", "delta", "privacy_unit_column", "max_groups_contributed"]);
const aggregates = new Set(["COUNT", "SUM", "AVG", "PERCENTILE_CONT"]);
/** Over answers that have their noise already. */
const afterFunctions = new Set(["SAFE_DIVIDE", "ROUND", "GREATEST", "LEAST", "ABS"]);

/**
 * Reads a query that is to be answered for outsiders, by its tree: WITH, joins, subqueries, set operations and pipes are not for
 * it, as there the rows of one person could change what others add, or be shown beside. Throws what `readQuery` throws.
 */
export function readPrivateQuery(statement: string): PrivateQuery | NoPrivateQuery {
  const query = readQuery({ text: statement, file: "the statement" });
  try {
    return new Reading(statement).query(query);
  } catch (refused) {
    if (refused instanceof Refused) return refused.reason;
    throw refused;
  }
}

/** A call without clauses in or after its brackets; of a truncation one that cannot fall before the first day. */
function isPlain(node: Node, name: string): boolean {
  if (node.kind !== "function-call") return false;
  if (node.over || node.filter || node.having || node.distinct || node.orderBy.length > 0 || node.limit) return false;
  if (!/_TRUNC$/.test(name)) return true;
  const part = node.arguments[1];
  return node.arguments.length === 2 && part?.kind === "path" && truncations.has(part.parts[0]!.name.toUpperCase());
}

class Refused extends Error {
  constructor(readonly reason: NoPrivateQuery) {
    super(reason.why);
  }
}

class Reading {
  constructor(private readonly text: string) {}

  private no(node: { readonly span: { readonly start: number } }, why: string): never {
    const { line, column } = positionAt(this.text, node.span.start);
    throw new Refused({ why, at: `${line}:${column}` });
  }

  query({ with: common, body, pipes, orderBy, ...query }: Query): PrivateQuery {
    if (common) this.no(common, "it has a WITH clause");
    if (pipes.length > 0) this.no(pipes[0]!, "it has a pipe");
    if (body.kind === "query" && orderBy.length === 0 && !query.limit) return this.query(body);
    if (body.kind !== "select") return this.no(body, "it is no single SELECT");
    if (!body.privacy) return this.no(body, "it is no SELECT WITH DIFFERENTIAL_PRIVACY");
    for (const item of orderBy) this.after(item.expression, false);
    return { ...this.select(body), isOrdered: orderBy.length > 0 };
  }

  private select(select: Select): Omit<PrivateQuery, "isOrdered"> {
    const options = new Map<string, Expression>();
    for (const entry of select.privacy!.options?.entries ?? []) {
      const name = entry.name.name.toLowerCase();
      if (!known.has(name) || options.has(name)) this.no(entry, `its option ${name} is not for it, or there twice`);
      options.set(name, entry.value);
    }
    const number = (name: string): number => {
      const value = options.get(name);
      if (value?.kind === "float-literal") return value.value;
      if (value?.kind === "integer-literal") return Number(value.value);
      return this.no(value ?? select.privacy!, `its option ${name} is not there as a number`);
    };
    const { from, groupBy, where, having, qualify, windows } = select;
    if (select.distinct || select.as) this.no(select, "it is SELECT DISTINCT, AS STRUCT or AS VALUE");
    if (qualify || windows.length > 0) this.no(qualify ?? windows[0]!, "it has QUALIFY or WINDOW");
    if (from?.kind !== "table-reference" || from.systemTime || from.offset)
      return this.no(from ?? select, "it reads something else than one table");
    const parts = from.name.parts.flatMap((part) => part.name.split("."));
    if (parts.length !== 2) this.no(from, "its table is not named as schema.table");
    const unit = options.get("privacy_unit_column");
    if (unit?.kind !== "path")
      return this.no(unit ?? select.privacy!, "its option privacy_unit_column names no column");
    const shown = from.alias?.name ?? parts.at(-1)!;
    const path = unit.parts.map((part) => part.name);
    if (path.length > 2 || (path.length === 2 && path[0]!.toLowerCase() !== shown.toLowerCase()))
      this.no(unit, "its privacy_unit_column is no column of its table");
    if (groupBy && options.get("max_groups_contributed")?.kind !== "integer-literal")
      this.no(select.privacy!, "its option max_groups_contributed is not there as a number");
    for (const item of select.items) {
      if (item.kind !== "select-expression") return this.no(item, "it selects *");
      if (this.hasAggregate(item.expression)) this.after(item.expression, true);
      else this.row(item.expression);
    }
    if (where) this.row(where);
    for (const key of groupBy?.items ?? []) {
      if (key.kind !== "grouping-key") return this.no(key, "it groups by more than plain keys");
      this.row(key.expression);
    }
    if (having) this.after(having, false);
    return {
      epsilon: number("epsilon"),
      delta: number("delta"),
      table: parts.join("."),
      unit: path.at(-1)!.toLowerCase(),
    };
  }

  private nameOf(node: Node): string | undefined {
    return node.kind === "function-call" ? node.name.map(({ name }) => name.toUpperCase()).join(".") : undefined;
  }

  private hasAggregate(expression: Expression): boolean {
    let found = false;
    walk(expression, (node) => {
      if (aggregates.has(this.nameOf(node) ?? "")) found = true;
    });
    return found;
  }

  /** `contribution_bounds_per_group => (0, 9)`, in numbers. */
  private bounds({ name, value, span }: NamedArgument): void {
    if (!/^contribution_bounds_per_(group|row)$/i.test(name.name)) this.no({ span }, `${name.name} is not for it`);
    const fields = value.kind === "struct-constructor" ? value.fields.map((field) => field.expression) : [];
    const isNumber = (one: Expression): boolean =>
      /^(integer|float)-literal$/.test(one.kind) ||
      (one.kind === "unary" && one.operator === "-" && isNumber(one.operand));
    if (fields.length !== 2 || !fields.every(isNumber)) this.no({ span }, `its ${name.name} are no two numbers`);
  }

  /** What is worked out for each row, or is a key of a group. */
  private row(expression: Expression): void {
    walk(expression, (node) => {
      const name = this.nameOf(node);
      if (rowKinds.has(node.kind) || (name !== undefined && rowFunctions.has(name) && isPlain(node, name))) return;
      if (node.kind === "binary" && comparisons.has(node.operator)) return;
      if (node.kind === "unary" && (node.operator === "not" || /literal$/.test(node.operand.kind))) return;
      this.no(
        node,
        `${name ?? `an expression of the kind ${node.kind}`} could fail on a row, and the error would tell of it`,
      );
    });
  }

  /** What is worked out from the answers. HAVING and ORDER BY have no arithmetic: on a key it would be worked out for rows. */
  private after(expression: Expression, withArithmetic: boolean): void {
    walk(expression, (node) => {
      const name = this.nameOf(node);
      if (name !== undefined && aggregates.has(name) && node.kind === "function-call" && isPlain(node, name)) {
        for (const argument of node.arguments)
          if (argument.kind === "named-argument") this.bounds(argument);
          else if (argument.kind !== "star-argument") this.row(argument as Expression);
        return "skip";
      }
      if (withArithmetic && node.kind === "path") this.no(node, "a column stands beside aggregates in one expression");
      const isAllowed =
        rowKinds.has(node.kind) ||
        (name !== undefined &&
          isPlain(node, name) &&
          (rowFunctions.has(name) || (withArithmetic && afterFunctions.has(name)))) ||
        (node.kind === "binary" && (comparisons.has(node.operator) || withArithmetic)) ||
        node.kind === "unary";
      if (!isAllowed) this.no(node, `${name ?? `an expression of the kind ${node.kind}`} is not for it`);
      return undefined;
    });
  }
}

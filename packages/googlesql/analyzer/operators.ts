import type { Binary, BinaryOperator, NodeBase, Unary } from "../ast.ts";
import { coercionCost, supertypeOf } from "../coercion.ts";
import { castable, castText } from "../emit/cast.ts";
import { letBind } from "../emit/let.ts";
import {
  arrayOf,
  BIGNUMERIC,
  BYTES,
  DATE,
  DATETIME,
  FLOAT64,
  type GoogleSqlType,
  INT64,
  INTERVAL,
  isNumeric,
  NUMERIC,
  type ScalarKind,
  STRING,
  scalarTypes,
  TIMESTAMP,
  typeName,
} from "../types.ts";
import { coerce } from "./coerce.ts";
import { asCollated } from "./collation.ts";
import { type Comparison, compare } from "./compare.ts";
import type { Analysis, Context } from "./context.ts";
import { resolve } from "./expressions.ts";
import { bool, constant, flagsOf, literal, type Typed } from "./typed.ts";

const comparisons: ReadonlySet<string> = new Set(["=", "<>", "<", "<=", ">", ">="]);

export function resolveBinary(a: Analysis, node: Binary, cx: Context): Typed {
  // A long chain of one operator nests to the left: go down it in a loop, not by recursion.
  const spine: Binary[] = [];
  let leftmost: Binary["left"] = node;
  while (leftmost.kind === "binary" && !comparisons.has(leftmost.operator) && !cx.aggregates?.keyKinds.has("binary")) {
    spine.push(leftmost);
    leftmost = leftmost.left;
  }
  if (spine.length === 0) return combine(a, node, resolve(a, node.left, cx), resolve(a, node.right, cx));
  let value = resolve(a, leftmost, cx);
  for (const step of spine.reverse()) value = combine(a, step, value, resolve(a, step.right, cx));
  return value;
}

function combine(a: Analysis, node: Binary, left: Typed, right: Typed): Typed {
  const { operator } = node;
  refuseNullLiteral(a, operator, node.left, node.right);
  if (comparisons.has(operator)) return compare(a, node, operator as Comparison, left, right);
  switch (operator) {
    case "||":
      return concatenate(a, node, left, right);
    case "<<":
    case ">>":
    case "&":
    case "|":
    case "^":
      return bitwise(a, node, operator, left, right);
    default:
      return arithmetic(a, node, operator as "+" | "-" | "*" | "/", left, right);
  }
}

function noMatch(a: Analysis, node: NodeBase, operator: string, ...operands: readonly Typed[]): never {
  return a.fail(
    node,
    `No matching signature for operator ${operator} for argument types: ${operands.map((o) => typeName(o.type)).join(", ")}`,
  );
}

export function arithmetic(
  a: Analysis,
  node: NodeBase,
  operator: "+" | "-" | "*" | "/",
  left: Typed,
  right: Typed,
): Typed {
  const temporal = temporalArithmetic(a, node, operator, ...withLiteralTimes(a, node, operator, left, right));
  if (temporal) return temporal;
  let type = supertypeOf([left, right]);
  if (!type || !isNumeric(type)) return noMatch(a, node, operator, left, right);
  if (operator === "/" && type.kind === "INT64") {
    const flags = flagsOf(left, right, { canFail: true });
    const sql = letBind([left, right], a.fresh, ([l, r]) => `gs_idiv_float(${l}, ${r})`);
    return { sql, type: FLOAT64, ...flags };
  }
  type = scalarTypes[type.kind as ScalarKind];
  const l = coerce(a, node, left, type);
  const r = coerce(a, node, right, type);
  const flags = flagsOf(l, r, { canFail: true });
  switch (type.kind) {
    case "INT64":
      return { sql: `(${l.sql} ${operator} ${r.sql})`, type, ...flags };
    case "FLOAT64":
      return operator === "/"
        ? { sql: letBind([l, r], a.fresh, ([x, y]) => `gs_fdiv(${x}, ${y})`), type, ...flags }
        : floatTree(a, operator, l, r);
    case "NUMERIC":
      if (operator === "*")
        return { sql: letBind([l, r], a.fresh, ([x, y]) => `gs_numeric_mul(${x}, ${y})`), type, ...flags };
      if (operator === "/") return { sql: `gs_numeric_div(${l.sql}, ${r.sql})`, type, ...flags };
      return { sql: `CAST(${l.sql} ${operator} ${r.sql} AS DECIMAL(38,9))`, type, ...flags };
    default: {
      const name = { "+": "add", "-": "sub", "*": "mul", "/": "div" }[operator];
      return { sql: `gs_bignumeric_${name}(${l.sql}, ${r.sql})`, type: BIGNUMERIC, ...flags };
    }
  }
}

/**
 * Float +, -, * raise an error where finite operands give an infinity. A tree of them gives a finite result exactly when no
 * step overflowed, so one test at the top is enough; only when that fails are the operands looked at one by one.
 */
function floatTree(a: Analysis, operator: "+" | "-" | "*", left: Typed, right: Typed): Typed {
  const flags = flagsOf(left, right, { canFail: true });
  const leafOf = (side: Typed): { raw: string; leaves: readonly string[]; binds: readonly Typed[] } =>
    side.floatTree && !side.isVolatile
      ? { raw: side.floatTree.raw, leaves: side.floatTree.leaves, binds: [] }
      : { raw: side.sql, leaves: [side.sql], binds: side.isSimple ? [] : [side] };
  const l = leafOf(left);
  const r = leafOf(right);
  const binds = [...l.binds, ...r.binds];
  const raw = `(${l.raw} ${operator} ${r.raw})`;
  const leaves = [...new Set([...l.leaves, ...r.leaves])];
  if (leaves.length > 8 || binds.length > 0) {
    // Too much text to repeat: bind the two sides as they are.
    const sql = letBind([left, right], a.fresh, ([x, y]) => checkedFloat(`(${x} ${operator} ${y})`, [x!, y!]));
    return { sql, type: FLOAT64, ...flags };
  }
  return { sql: checkedFloat(raw, leaves), type: FLOAT64, ...flags, floatTree: { raw, leaves } };
}

function checkedFloat(raw: string, leaves: readonly string[]): string {
  const finite = leaves.map((leaf) => `isfinite(${leaf})`).join(" AND ");
  return `(CASE WHEN isfinite(${raw}) THEN ${raw} WHEN ${finite} THEN CAST(gs_raise('double overflow') AS DOUBLE) ELSE ${raw} END)`;
}

const isKind = (value: Typed, ...kinds: readonly string[]): boolean => kinds.includes(value.type.kind);

const isTextLiteral = (value: Typed): boolean => isKind(value, "STRING") && value.isLiteral === true;

/** A STRING literal is a time of the other operand's type in a difference, and else a DATE, where a signature has one in its place. */
function withLiteralTimes(
  a: Analysis,
  node: NodeBase,
  operator: string,
  left: Typed,
  right: Typed,
): readonly [Typed, Typed] {
  if (operator !== "+" && operator !== "-") return [left, right];
  const times = ["DATE", "DATETIME", "TIMESTAMP", "TIME"];
  const typeOf = (literal: Typed, other: Typed, isFirst: boolean): GoogleSqlType | undefined => {
    if (!isTextLiteral(literal)) return undefined;
    if (operator === "-" && isKind(other, ...times)) return other.type;
    if (operator === "-" && isTextLiteral(other)) return DATE;
    return (isFirst || operator === "+") && isKind(other, "INT64", "INTERVAL") && !other.isUntypedNull
      ? DATE
      : undefined;
  };
  const [first, second] = [typeOf(left, right, true), typeOf(right, left, false)];
  return [first ? coerce(a, node, left, first) : left, second ? coerce(a, node, right, second) : right];
}

function temporalArithmetic(
  a: Analysis,
  node: NodeBase,
  operator: string,
  left: Typed,
  right: Typed,
): Typed | undefined {
  const flags = flagsOf(left, right, { canFail: true });
  const make = (sql: string, type: GoogleSqlType): Typed => ({ sql, type, ...flags });
  if (operator === "+" && isKind(left, "INT64") && isKind(right, "DATE")) {
    return make(`gs_date_plus(${right.sql}, ${left.sql})`, DATE);
  }
  if (operator === "+" && isKind(left, "INTERVAL") && isKind(right, "DATE", "DATETIME", "TIMESTAMP")) {
    return temporalArithmetic(a, node, "+", right, left);
  }
  if (isKind(left, "DATE") && isKind(right, "INT64") && (operator === "+" || operator === "-")) {
    return make(`gs_date_plus(${left.sql}, ${operator}${right.sql})`, DATE);
  }
  if (isKind(right, "INTERVAL") && (operator === "+" || operator === "-")) {
    const sign = operator === "+" ? "" : "-";
    switch (left.type.kind) {
      case "INTERVAL":
        return make(`gs_interval_check(${left.sql} ${operator} ${right.sql})`, INTERVAL);
      case "DATE":
        return make(`gs_datetime_check(CAST(${left.sql} AS TIMESTAMP) ${operator} ${right.sql})`, DATETIME);
      case "DATETIME":
        return make(`gs_datetime_check(${left.sql} ${operator} ${right.sql})`, DATETIME);
      case "TIMESTAMP":
        return make(`gs_timestamp_plus_interval(${left.sql}, ${sign}(${right.sql}))`, TIMESTAMP);
      default:
        return undefined;
    }
  }
  if (operator === "-" && left.type.kind === right.type.kind && isKind(left, "DATE", "DATETIME", "TIMESTAMP", "TIME")) {
    const name = { DATE: "date", DATETIME: "datetime", TIME: "time", TIMESTAMP: "instant" }[left.type.kind as "DATE"];
    return make(`gs_${name}_minus(${left.sql}, ${right.sql})`, INTERVAL);
  }
  if (operator === "-" && isKind(left, "DATE", "DATETIME") && isKind(right, "DATE", "DATETIME")) {
    return make(
      `gs_datetime_minus(${coerce(a, node, left, DATETIME).sql}, ${coerce(a, node, right, DATETIME).sql})`,
      INTERVAL,
    );
  }
  if (operator === "*" && isKind(left, "INT64") && isKind(right, "INTERVAL")) {
    return make(`gs_interval_times(${right.sql}, ${left.sql})`, INTERVAL);
  }
  if (operator === "*" && isKind(left, "INTERVAL") && isKind(right, "INT64")) {
    return make(`gs_interval_times(${left.sql}, ${right.sql})`, INTERVAL);
  }
  if (operator === "*" && isKind(left, "INTERVAL") && isKind(right, "FLOAT64"))
    return make(`gs_interval_scaled(${left.sql}, ${right.sql})`, INTERVAL);
  if (operator === "*" && isKind(left, "FLOAT64") && isKind(right, "INTERVAL"))
    return make(`gs_interval_scaled(${right.sql}, ${left.sql})`, INTERVAL);
  if (operator === "/" && isKind(left, "INTERVAL") && isKind(right, "INT64")) {
    return make(`gs_interval_over(${left.sql}, ${right.sql})`, INTERVAL);
  }
  return undefined;
}

function concatenate(a: Analysis, node: NodeBase, left: Typed, right: Typed): Typed {
  const texts = [left, right].map((side) => (side.type.kind === "COLLATED" ? { ...side, type: STRING } : side));
  if (texts[0] !== left || texts[1] !== right) {
    if (![left, right].every((side, i) => side !== texts[i] || coercionCost(side, STRING) !== undefined))
      return noMatch(a, node, "||", left, right);
    return asCollated(a, concatenate(a, node, texts[0]!, texts[1]!));
  }
  const flags = flagsOf(left, right);
  for (const type of [STRING, BYTES]) {
    if (coercionCost(left, type) !== undefined && coercionCost(right, type) !== undefined) {
      const both = [coerce(a, node, left, type), coerce(a, node, right, type)] as const;
      return { sql: `(${both[0].sql} || ${both[1].sql})`, type, ...flags };
    }
  }
  if (left.type.kind === "ARRAY" || right.type.kind === "ARRAY") {
    const type = supertypeOf([left, right]);
    if (type?.kind === "ARRAY") {
      const l = coerce(a, node, left, type);
      const r = coerce(a, node, right, type);
      // DuckDB's || skips a NULL list; GoogleSQL's gives NULL.
      const sql = letBind(
        [l, r],
        a.fresh,
        ([x, y]) => `(CASE WHEN ${x} IS NULL OR ${y} IS NULL THEN NULL ELSE list_concat(${x}, ${y}) END)`,
      );
      return { sql, type: arrayOf(type.element), ...flags };
    }
  }
  const isText = (one: Typed): boolean =>
    one.type.kind === "STRING" ||
    (one.type.kind !== "BYTES" && one.type.kind !== "RANGE" && castable(one.type, STRING));
  if (isText(left) && isText(right)) {
    const sql = [left, right].map((one) => castText(one.sql, one.type, STRING, a.fresh)).join(" || ");
    return { sql: `(${sql})`, type: STRING, ...flags };
  }
  return noMatch(a, node, "||", left, right);
}

function bitwise(a: Analysis, node: NodeBase, operator: BinaryOperator, left: Typed, right: Typed): Typed {
  const flags = flagsOf(left, right, { canFail: true });
  const isShift = operator === "<<" || operator === ">>";
  const fits = (type: GoogleSqlType): boolean =>
    coercionCost(left, type) !== undefined && coercionCost(right, isShift ? INT64 : type) !== undefined;
  if (fits(INT64)) {
    const l = coerce(a, node, left, INT64).sql;
    const r = coerce(a, node, right, INT64).sql;
    switch (operator) {
      case "&":
      case "|":
        return { sql: `(${l} ${operator} ${r})`, type: INT64, ...flags };
      case "^":
        return { sql: `xor(${l}, ${r})`, type: INT64, ...flags };
      default:
        return { sql: `gs_shift_${operator === "<<" ? "left" : "right"}(${l}, ${r})`, type: INT64, ...flags };
    }
  }
  if (fits(BYTES)) {
    const name = { "&": "and", "|": "or", "^": "xor", "<<": "shift_left", ">>": "shift_right" }[operator as "&"];
    const r = coerce(a, node, right, isShift ? INT64 : BYTES);
    return { sql: `gs_bytes_${name}(${coerce(a, node, left, BYTES).sql}, ${r.sql})`, type: BYTES, ...flags };
  }
  return noMatch(a, node, operator, left, right);
}

/** GoogleSQL takes no NULL written out as an operand. A cast one, or a column of them, is fine. */
export function refuseNullLiteral(a: Analysis, operator: string, ...operands: readonly NodeBase[]): void {
  for (const operand of operands as readonly Binary["left"][]) {
    if (operand.kind === "null-literal") a.fail(operand, `Operands of ${operator} cannot be literal NULL`);
  }
}

export function resolveUnary(a: Analysis, node: Unary, cx: Context): Typed {
  const { operator } = node;
  if (operator === "-" && node.operand.kind === "integer-literal") {
    const value = -node.operand.value;
    if (value < -0x8000_0000_0000_0000n) {
      a.fail(node, `Invalid integer literal: -${node.operand.value}`);
    }
    return literal(value, INT64);
  }
  refuseNullLiteral(a, operator.toUpperCase(), node.operand);
  const operand = resolve(a, node.operand, cx);
  const flags = flagsOf(operand);
  if (operator === "not") {
    if (coercionCost(operand, { kind: "BOOL" }) === undefined) return noMatch(a, node, "NOT", operand);
    return bool(`(NOT ${coerce(a, node, operand, { kind: "BOOL" }).sql})`, flags);
  }
  if (operator === "~") {
    if (coercionCost(operand, INT64) !== undefined) {
      return { sql: `(~${coerce(a, node, operand, INT64).sql})`, type: INT64, ...flags };
    }
    if (operand.type.kind === "BYTES") return { sql: `gs_bytes_not(${operand.sql})`, type: BYTES, ...flags };
    return noMatch(a, node, "~", operand);
  }
  if (operand.type.kind === "INTERVAL" && operator === "-")
    return { sql: `(-${operand.sql})`, type: INTERVAL, ...flags };
  if (!isNumeric(operand.type)) return noMatch(a, node, `Unary${operator}`, operand);
  if (operator === "+") return operand;
  if (operand.literal && operand.isLiteral) {
    const value = operand.literal.value;
    if (typeof value === "bigint") return literal(-value, INT64);
    if (typeof value === "number") {
      const image =
        operand.image === undefined
          ? undefined
          : operand.image.startsWith("-")
            ? operand.image.slice(1)
            : `-${operand.image}`;
      return { ...literal(-value, FLOAT64), image };
    }
  }
  if (operand.literal && typeof operand.literal.value === "string") {
    const text = operand.literal.value;
    return constant(text.startsWith("-") ? text.slice(1) : text === "0" ? text : `-${text}`, operand.type);
  }
  if (operand.type.kind === "BIGNUMERIC")
    return { sql: `gs_bignumeric_neg(${operand.sql})`, type: BIGNUMERIC, ...flags };
  const sql = operand.type.kind === "NUMERIC" ? `CAST(-${operand.sql} AS DECIMAL(38,9))` : `(-${operand.sql})`;
  return { sql, type: operand.type.kind === "NUMERIC" ? NUMERIC : operand.type, ...flags, canFail: true };
}

import type { SimpleType, TypeName } from "../ast.ts";
import { letBind } from "../emit/let.ts";
import { parseTypeName } from "../parser/parse.ts";
import { duckdbType, fieldText, type GoogleSqlType, scalarTypeNamed, structFieldName } from "../types.ts";
import type { Analysis } from "./context.ts";
import { resolveType, withCollation } from "./type-names.ts";

/** What holds a value of a type to the limits written with it: `STRING(10)`, `NUMERIC(10, 2)`, at any depth. */
export type Hold = (x: string) => string;

export interface LimitedType {
  readonly type: GoogleSqlType;
  /** Undefined when the type is written without limits. */
  readonly hold: Hold | undefined;
}

/** The type that a type name means, with its limits; those that are not enforced here are refused. */
export function limitedType(a: Analysis, node: TypeName): LimitedType {
  switch (node.kind) {
    case "simple-type":
      if (node.parameters.length === 0) return { type: resolveType(a, node), hold: undefined };
      if (node.collation) a.refuse(node, "collation", "collation of strings");
      return limitedScalar(a, node);
    case "array-type": {
      const { hold } = limitedType(a, node.element);
      const type = resolveType(a, withoutLimits(node));
      if (!hold) return { type, hold };
      const e = a.fresh("e");
      return { type, hold: (x) => `list_transform(${x}, lambda ${e}: ${hold(e)})` };
    }
    case "struct-type": {
      const fields = node.fields.map((field) => limitedType(a, field.type));
      const type = resolveType(a, withoutLimits(node));
      if (!fields.some((field) => field.hold)) return { type, hold: undefined };
      return {
        type,
        hold: (x) =>
          letBind([{ sql: x }], a.fresh, ([v]) => {
            const held = fields.map((field, i) => {
              const value = `${v}.${structFieldName(i)}`;
              return `'${structFieldName(i)}': ${field.hold ? field.hold(value) : value}`;
            });
            return `(CASE WHEN ${v} IS NULL THEN CAST(NULL AS ${duckdbType(type)}) ELSE {${held.join(", ")}} END)`;
          }),
      };
    }
    default:
      return { type: resolveType(a, node), hold: undefined };
  }
}

/** The type with its limits and collations, as GoogleSQL writes it; undefined when it has none. */
export function declaredText(node: TypeName): string | undefined {
  let hasLimits = false;
  const text = (at: TypeName): string => {
    switch (at.kind) {
      case "simple-type":
        if (at.parameters.length > 0 || at.collation) hasLimits = true;
        return `${scalarTypeNamed(at.name)?.kind ?? at.name}${
          at.parameters.length > 0 ? `(${at.parameters.map(({ value }) => value).join(", ")})` : ""
        }${at.collation ? ` COLLATE '${at.collation.toLowerCase()}'` : ""}`;
      case "array-type":
        return `ARRAY<${text(at.element)}>`;
      case "range-type":
        return `RANGE<${text(at.element)}>`;
      case "struct-type":
        return `STRUCT<${at.fields
          .map((field) => (field.name ? `${fieldText(field.name.name)} ${text(field.type)}` : text(field.type)))
          .join(", ")}>`;
      default:
        return "";
    }
  };
  const found = text(node);
  return hasLimits ? found : undefined;
}

/** Holds a value of a column's type to the limits that the column was declared with. */
export function heldAs(a: Analysis, column: { readonly declared?: string | undefined }, sql: string): string {
  if (column.declared === undefined) return sql;
  const { hold } = limitedType(
    a,
    withCollation(parseTypeName(column.declared), () => undefined),
  );
  return hold ? hold(sql) : sql;
}

/** The same type name without what stands in brackets. */
function withoutLimits(node: TypeName): TypeName {
  if (node.kind === "simple-type") return { ...node, parameters: [] };
  if (node.kind === "array-type") return { ...node, element: withoutLimits(node.element) };
  if (node.kind === "struct-type")
    return { ...node, fields: node.fields.map((field) => ({ ...field, type: withoutLimits(field.type) })) };
  return node;
}

function limitedScalar(a: Analysis, node: SimpleType): LimitedType {
  const type = scalarTypeNamed(node.name);
  const [first, second] = node.parameters.map((parameter) => parameter.value);
  const refuse = (): never => a.refuse(node, "parameterized_type", "these limits");
  const held = (hold: (v: string) => string, before = (x: string): string => x): LimitedType => ({
    type: type!,
    hold: (x) => letBind([{ sql: before(x) }], a.fresh, ([v]) => hold(v!)),
  });
  if (typeof first !== "bigint" || (second !== undefined && typeof second !== "bigint")) return refuse();
  if ((type?.kind === "STRING" || type?.kind === "BYTES") && second === undefined && first > 0n) {
    const length = type.kind === "STRING" ? "length" : "octet_length";
    const message = `'${type.kind}(${first}) has maximum length ${first} but got a value with length '`;
    return held(
      (v) =>
        `(CASE WHEN ${length}(${v}) > ${first} THEN CAST(gs_raise(${message} || ${length}(${v})) AS ${duckdbType(type)}) ELSE ${v} END)`,
    );
  }
  const scale = second ?? 0n;
  const digits = first - scale;
  const [mostDigits, mostScale] = type?.kind === "NUMERIC" ? [29n, 9n] : [38n, 38n];
  const isDecimal = type?.kind === "NUMERIC" || type?.kind === "BIGNUMERIC";
  if (!type || !isDecimal || scale < 0n || scale > mostScale || first <= 0n || digits < 0n || digits > mostDigits)
    return refuse();
  const name = `${type.kind}(${first}, ${scale})`;
  const tooLarge = `CAST(gs_raise('${name} has precision ${first} but got a value that is larger') AS ${duckdbType(type)})`;
  if (type.kind === "NUMERIC") {
    const bound = `CAST('1${"0".repeat(Number(digits))}' AS HUGEINT)`;
    return held(
      (v) =>
        `(CASE WHEN abs(round(${v}, ${scale})) >= ${bound} THEN ${tooLarge} ELSE CAST(round(${v}, ${scale}) AS DECIMAL(38,9)) END)`,
    );
  }
  return held(
    (v) => {
      const whole = `split_part(ltrim(${v}, '-'), '.', 1)`;
      return `(CASE WHEN ${whole} <> '0' AND length(${whole}) > ${digits} THEN ${tooLarge} ELSE ${v} END)`;
    },
    (x) => `gs_bignumeric_round(${x}, ${scale})`,
  );
}

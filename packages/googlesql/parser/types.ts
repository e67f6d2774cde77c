import type {
  OptionEntry,
  OptionsList,
  SimpleType,
  StructType,
  StructTypeField,
  TypeName,
  TypeParameter,
} from "../ast.ts";
import type { Cursor } from "./cursor.ts";
import { parseExpression } from "./expression.ts";
import { parseString } from "./literals.ts";

/**
 * A type. In a column list (`columns`) the fields of a struct may also be NOT NULL and carry DEFAULT and OPTIONS, as may
 * the elements of an array.
 */
export function parseType(p: Cursor, place: "expression" | "columns" = "expression"): TypeName {
  return p.nested(() => {
    const start = p.start;
    if (p.at("ARRAY")) {
      p.advance();
      p.expect("<");
      const element = parseType(p, place);
      const elementNotNull = place === "columns" && p.accept("NOT", "NULL");
      p.expect(">");
      refuseCollation(p);
      return { kind: "array-type", element, elementNotNull, span: p.spanFrom(start) };
    }
    if (p.at("STRUCT")) return parseStructType(p, place);
    if (p.accept("RANGE")) {
      p.expect("<");
      const element = parseType(p, place);
      p.expect(">");
      return { kind: "range-type", element, span: p.spanFrom(start) };
    }
    return parseSimpleType(p);
  });
}

export function parseStructType(p: Cursor, place: "expression" | "columns" = "expression"): StructType {
  const start = p.start;
  p.expect("STRUCT");
  const fields: StructTypeField[] = [];
  if (!p.accept("<>")) {
    p.expect("<");
    if (!p.at(">")) fields.push(...p.list(() => parseStructTypeField(p, place)));
    p.expect(">");
  }
  refuseCollation(p);
  return { kind: "struct-type", fields, span: p.spanFrom(start) };
}

function parseStructTypeField(p: Cursor, place: "expression" | "columns"): StructTypeField {
  const start = p.start;
  const name = p.atIdentifier() && beginsType(p, 1) ? p.identifier() : undefined;
  const type = parseType(p, place);
  let notNull = false;
  let options: OptionsList | undefined;
  let defaultValue: StructTypeField["default"];
  if (place === "columns") {
    if (p.accept("DEFAULT")) defaultValue = parseExpression(p);
    notNull = p.accept("NOT", "NULL");
    options = parseOptionsIfAny(p);
  }
  return {
    kind: "struct-type-field",
    name,
    type,
    notNull,
    default: defaultValue,
    options,
    span: p.spanFrom(start),
  };
}

function beginsType(p: Cursor, ahead: number): boolean {
  const { word } = p.peek(ahead);
  if (word === "OPTIONS") return false;
  return p.atIdentifier(ahead) || word === "ARRAY" || word === "STRUCT" || word === "RANGE" || word === "INTERVAL";
}

function parseSimpleType(p: Cursor): SimpleType {
  const start = p.start;
  const interval = p.at("INTERVAL");
  const identifier = interval ? p.anyWord() : p.identifier("a type");
  if (p.at(".")) p.refuse("A type whose name is a path (a protocol buffer or enum)", start);
  if (p.at("<")) p.refuse(`The type ${identifier.name}<...>`, start);
  const name = identifier.quoted ? identifier.name : identifier.name.toUpperCase();
  const parameters = p.at("(") ? p.parenthesizedList(parseTypeParameter) : [];
  const collation = p.accept("COLLATE") ? parseString(p).value : undefined;
  return { kind: "simple-type", name, parameters, collation, span: p.spanFrom(start) };
}

function parseTypeParameter(p: Cursor): TypeParameter {
  const { start, end, kind } = p.token;
  if (p.accept("MAX")) return { kind: "type-parameter", value: "max", span: { start, end } };
  if (kind !== "integer") p.failExpected("an integer literal or MAX");
  p.advance();
  return { kind: "type-parameter", value: BigInt(p.text.slice(start, end)), span: { start, end } };
}

function refuseCollation(p: Cursor): void {
  if (p.at("COLLATE")) p.fail("COLLATE applies to STRING, not to ARRAY or STRUCT");
}

/** OPTIONS(name = value, ...) */
export function parseOptionsIfAny(p: Cursor): OptionsList | undefined {
  return p.at("OPTIONS", "(") ? parseOptions(p) : undefined;
}

export function parseOptions(p: Cursor): OptionsList {
  const start = p.start;
  p.expect("OPTIONS");
  return parseOptionsBody(p, start);
}

function parseOptionsBody(p: Cursor, start: number): OptionsList {
  p.expect("(");
  const entries = p.at(")") ? [] : p.list(parseOptionEntry);
  p.expect(")");
  return { kind: "options-list", entries, span: p.spanFrom(start) };
}

function parseOptionEntry(p: Cursor): OptionEntry {
  const start = p.start;
  const name = p.identifier("the name of an option");
  p.expect("=");
  const value = parseExpression(p);
  return { kind: "option-entry", name, value, span: p.spanFrom(start) };
}

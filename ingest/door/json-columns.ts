import attributes from "../../includes/attributes.js";
import { remembered, sensitiveKind } from "../../platform/personal-keys.ts";
import { parseInstant } from "./instant.ts";
import { namesPlace } from "./places.ts";
import { maxTextLength, scrubText } from "./scrub.ts";

/** What a JSON column may hold, as includes/attributes.js writes it. */
export type Shape = Leaf | readonly [Shape] | { readonly [key: string]: Shape };
export type Leaf =
  | "text"
  | "texts"
  | "number"
  | "integer"
  | "boolean"
  | "time"
  | "phrase"
  | "scalar"
  | "seen"
  | "mark"
  | DeclaredText;

/** A text that a sender has declared otherwise than `text`. */
export interface DeclaredText {
  readonly maxLength: number;
  readonly oneOf?: readonly string[] | undefined;
}

/** What may be said of a person, by attribute. */
export type AttributeShapes = Readonly<Record<string, Leaf>>;

/** What each source, by its name, may say of a person beside what everybody may; `*` is every source. */
export type DeclaredAttributes = Readonly<Record<string, AttributeShapes>>;

/** Paths of what was left out: `attributes.health`; names that are none of a field become `*`. */
export type LeftOut = string[];

export const mostTextLength = 64;
const mostTexts = 20;
const mostItems = 1000;
const mostKeys = 100;
const mostKeyLength = 100;

const shapes = attributes.shapes as unknown as Readonly<Record<string, Readonly<Record<string, Shape>>>>;
const ofPerson = attributes.ofPerson as AttributeShapes;
/** Columns in which attributes of persons may stand. */
const ofPersons = new Set(["profiles.attributes", "decisions.attributes"]);

/** The shape of a raw table's JSON column. */
export type ShapeOf = (table: string, column: string, source: string) => Shape;

/** The shapes of the JSON columns, with what senders have declared that a source may say of a person. */
export function jsonShapes(declared: DeclaredAttributes = {}): ShapeOf {
  const made = new Map<string, Shape>();
  return (table, column, source) => {
    const from = Object.hasOwn(declared, source) ? source : "*";
    const name = `${table}.${column} ${from}`;
    let shape = made.get(name);
    if (shape === undefined) {
      shape = shapes[table]?.[column];
      if (shape === undefined)
        throw new Error(`includes/attributes.js: nothing says what raw.${table}.${column} may hold`);
      if (ofPersons.has(`${table}.${column}`))
        shape = { ...ofPerson, ...declared["*"], ...declared[from], ...(shape as Readonly<Record<string, Shape>>) };
      made.set(name, shape);
    }
    return shape;
  };
}

/**
 * What of a JSON value may pass the door: by its shape, each text without what names a person. What is left out is told by its path. Undefined where nothing may;
 * null stays null.
 */
export function fitted(shape: Shape, value: unknown, path: string, leftOut: LeftOut): unknown {
  if (value === null) return null;
  if (value === undefined) return undefined;
  const kept = isList(shape)
    ? fittedList(shape[0], value, path, leftOut)
    : shape === "seen" && typeof value === "object"
      ? fittedFields({ "*": "scalar" }, value, path, leftOut)
      : isLeaf(shape)
        ? fittedLeaf(shape, value)
        : fittedFields(shape, value, path, leftOut);
  if (kept === undefined) leftOut.push(path);
  return kept;
}

const isList = (shape: Shape): shape is readonly [Shape] => Array.isArray(shape);
const isLeaf = (shape: Exclude<Shape, readonly [Shape]>): shape is Leaf =>
  typeof shape === "string" || "maxLength" in shape;

function fittedList(of: Shape, value: unknown, path: string, leftOut: LeftOut): readonly unknown[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value
    .slice(0, mostItems)
    .map((item) => fitted(of, item, path, leftOut))
    .filter((item) => item !== undefined);
}

function fittedFields(
  shape: { readonly [key: string]: Shape },
  value: unknown,
  path: string,
  leftOut: LeftOut,
): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== "object" || Array.isArray(value)) return undefined;
  const kept: Record<string, unknown> = {};
  const any = Object.hasOwn(shape, "*") ? shape["*"] : undefined;
  let keys = 0;
  for (const [key, item] of Object.entries(value as Readonly<Record<string, unknown>>)) {
    const here = `${path}.${writtenKey(key)}`;
    const of = Object.hasOwn(shape, key) && key !== "*" ? shape[key] : isFreeKey(key) ? any : undefined;
    keys += 1;
    if (of === undefined || keys > mostKeys) {
      if (item !== null && item !== undefined) leftOut.push(here);
      continue;
    }
    const made = fitted(of, item, here, leftOut);
    if (made !== undefined) kept[key] = made;
  }
  return kept;
}

/** A key that nobody listed, where any may stand: one that is not sensitive, and names nobody itself. */
const isFreeKey = remembered(
  (key) => key.length <= mostKeyLength && sensitiveKind(key) === undefined && scrubText(key) === key,
);

/** A key as accounts write it: as it is where it looks like the name of a field, for a key may be anything, also a person. */
export const writtenKey = (key: string): string => (/^[A-Za-z][A-Za-z_]{0,39}\d{0,2}$/.test(key) ? key : "*");

function fittedLeaf(shape: Leaf, value: unknown): unknown {
  if (typeof shape !== "string") {
    const { maxLength, oneOf } = shape;
    const text = harmlessText(value, maxLength);
    return oneOf === undefined || oneOf.includes(String(text)) ? text : undefined;
  }
  switch (shape) {
    case "text":
      return harmlessText(value, mostTextLength);
    case "texts": {
      if (!Array.isArray(value) || value.length > mostTexts) return undefined;
      const texts = value.map((item) => harmlessText(item, mostTextLength));
      return texts.includes(undefined) ? undefined : texts;
    }
    case "number":
      return numberOf(value);
    case "integer": {
      const number = numberOf(value);
      return Number.isSafeInteger(number) ? number : undefined;
    }
    case "boolean":
      return typeof value === "boolean" ? value : value === "true" ? true : value === "false" ? false : undefined;
    case "time":
      return parseInstant(value) === undefined ? undefined : value;
    case "phrase":
      return typeof value === "string" ? scrubText(value).slice(0, maxTextLength) : undefined;
    case "scalar":
    case "seen":
      return typeof value === "string" ? fittedLeaf("phrase", value) : booleanOrNumber(value);
    case "mark":
      return typeof value === "string" ? harmlessText(value, mostTextLength) : booleanOrNumber(value);
  }
}

const booleanOrNumber = (value: unknown): unknown => (typeof value === "boolean" ? value : numberOf(value));

/** Numbers also as CSV has them. */
function numberOf(value: unknown): number | undefined {
  const number =
    typeof value === "bigint" || (typeof value === "string" && /^\s*-?\d{1,15}(?:\.\d+)?\s*$/.test(value))
      ? Number(value)
      : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}

/** A line of text that names nobody and no place, or a number; undefined for anything else, for what is masked says nothing of an attribute. */
function harmlessText(value: unknown, longest: number): string | number | undefined {
  if (typeof value !== "string") return numberOf(value);
  const text = value.trim();
  if (text.length > longest || /\p{Cc}/u.test(text) || namesPlace(text) || scrubText(text) !== text) return undefined;
  return text;
}

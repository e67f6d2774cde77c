import { type CoercionSource, coercionCost, supertypeOf } from "../coercion.ts";
import type { ArgumentSpec, Signature, TypeTemplate } from "../functions/contract.ts";
import {
  arrayOf,
  type GoogleSqlType,
  parseType,
  rangeOf,
  supportsEquality,
  supportsGrouping,
  supportsOrdering,
} from "../types.ts";

/** A parsed template: a type with variables in it. */
export type Template =
  | { readonly kind: "any" }
  | { readonly kind: "part" }
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "array"; readonly element: Template }
  | { readonly kind: "range"; readonly element: Template }
  | {
      readonly kind: "struct";
      readonly fields: readonly { readonly name: string | undefined; readonly type: Template }[];
    }
  | { readonly kind: "type"; readonly type: GoogleSqlType };

const parsed = new Map<string, Template>();

export function template(text: TypeTemplate): Template {
  let result = parsed.get(text);
  if (!result) {
    result = parseTemplate(text.trim());
    parsed.set(text, result);
  }
  return result;
}

function parseTemplate(text: string): Template {
  if (text === "ANY") return { kind: "any" };
  if (text === "PART") return { kind: "part" };
  if (/^T\d*$/.test(text)) return { kind: "variable", name: text };
  if (!/\bT\d*\b/.test(text) && !/\bANY\b/.test(text)) return { kind: "type", type: parseType(text) };
  const inner = /^(ARRAY|RANGE|STRUCT)<(.*)>$/.exec(text);
  if (!inner) throw new Error(`not a type template: ${text}`);
  if (inner[1] === "ARRAY") return { kind: "array", element: parseTemplate(inner[2]!.trim()) };
  if (inner[1] === "RANGE") return { kind: "range", element: parseTemplate(inner[2]!.trim()) };
  const fields: { name: string | undefined; type: Template }[] = [];
  let depth = 0;
  let start = 0;
  const content = inner[2]!;
  for (let i = 0; i <= content.length; i++) {
    const c = content[i];
    if (c === "<") depth++;
    if (c === ">") depth--;
    if ((c === "," && depth === 0) || i === content.length) {
      const field = content.slice(start, i).trim();
      const named = /^([A-Za-z_]\w*)\s+(.+)$/.exec(field);
      fields.push(
        named ? { name: named[1], type: parseTemplate(named[2]!) } : { name: undefined, type: parseTemplate(field) },
      );
      start = i + 1;
    }
  }
  return { kind: "struct", fields };
}

/** Types that variables stand for. */
export type Bindings = Map<string, GoogleSqlType>;

export function substitute(t: Template, bindings: Bindings): GoogleSqlType | undefined {
  switch (t.kind) {
    case "type":
      return t.type;
    case "variable":
      return bindings.get(t.name);
    case "array": {
      const element = substitute(t.element, bindings);
      return element && arrayOf(element);
    }
    case "range": {
      const element = substitute(t.element, bindings);
      return element && rangeOf(element);
    }
    case "struct": {
      const fields = t.fields.map((field) => ({ name: field.name, type: substitute(field.type, bindings) }));
      return fields.every((field) => field.type) ? { kind: "STRUCT", fields: fields as never } : undefined;
    }
    default:
      return undefined;
  }
}

/** Collects what each variable must hold; false when the shapes do not fit. */
export function collect(t: Template, source: CoercionSource, into: Map<string, CoercionSource[]>): boolean {
  switch (t.kind) {
    case "any":
    case "type":
      return true;
    case "part":
      return false;
    case "variable": {
      const list = into.get(t.name) ?? [];
      list.push(source);
      into.set(t.name, list);
      return true;
    }
    case "array": {
      if (source.isUntypedNull || source.isUntypedEmptyArray) return true;
      if (source.type.kind !== "ARRAY") return false;
      if (source.arrayElements && source.arrayElements.length > 0) {
        return source.arrayElements.every((element) => collect(t.element, element, into));
      }
      return collect(t.element, { type: source.type.element }, into);
    }
    case "range": {
      if (source.isUntypedNull) return true;
      return source.type.kind === "RANGE" && collect(t.element, { type: source.type.element }, into);
    }
    case "struct": {
      if (source.isUntypedNull) return true;
      if (source.type.kind !== "STRUCT" || source.type.fields.length !== t.fields.length) return false;
      const { type } = source;
      return t.fields.every((field, i) =>
        collect(field.type, source.structFields?.[i] ?? { type: type.fields[i]!.type }, into),
      );
    }
  }
}

/** What stands at one place of a call, as far as matching needs it. */
export type CallArgument =
  | { readonly kind: "value"; readonly source: CoercionSource; readonly isConstant: boolean }
  | { readonly kind: "part"; readonly part: string }
  | { readonly kind: "lambda"; readonly parameters: number }
  | { readonly kind: "omitted" };

export interface Match {
  readonly signature: Signature;
  /** One per argument of the call, in order. */
  readonly specs: readonly ArgumentSpec[];
  readonly bindings: Bindings;
  readonly cost: number;
}

/** Lays the arguments over the signature's specs; undefined when their number or order cannot fit. */
export function layOut(
  signature: Signature,
  count: number,
  names: readonly (string | undefined)[],
): readonly { readonly spec: ArgumentSpec; readonly argument: number | undefined }[] | undefined {
  const positional = names.findIndex((name) => name !== undefined);
  const plain = positional < 0 ? count : positional;
  const result: { spec: ArgumentSpec; argument: number | undefined }[] = [];
  const specs = signature.args;
  const firstRepeated = specs.findIndex((spec) => spec.repeated);
  const named = new Map<string, number>();
  for (let i = plain; i < count; i++) {
    const name = names[i]?.toLowerCase();
    if (name === undefined || named.has(name)) return undefined;
    named.set(name, i);
  }
  let next = 0;
  const takeNamed = (spec: ArgumentSpec): number | undefined => {
    const name = spec.name?.toLowerCase();
    if (name === undefined) return undefined;
    const at = named.get(name);
    if (at !== undefined) named.delete(name);
    return at;
  };
  if (firstRepeated >= 0) {
    let lastRepeated = firstRepeated;
    while (specs[lastRepeated + 1]?.repeated) lastRepeated++;
    const group = lastRepeated - firstRepeated + 1;
    const after = specs.slice(lastRepeated + 1).filter((spec) => !spec.namedOnly && !spec.optional).length;
    for (const spec of specs.slice(0, firstRepeated)) {
      if (next < plain) result.push({ spec, argument: next++ });
      else if (spec.optional) result.push({ spec, argument: takeNamed(spec) });
      else return undefined;
    }
    const rounds = Math.floor((plain - next - after) / group);
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < group; i++) result.push({ spec: specs[firstRepeated + i]!, argument: next++ });
    }
    for (const spec of specs.slice(lastRepeated + 1)) {
      if (!spec.namedOnly && next < plain) result.push({ spec, argument: next++ });
      else {
        const at = takeNamed(spec);
        if (at === undefined && !spec.optional) return undefined;
        result.push({ spec, argument: at });
      }
    }
  } else {
    for (const spec of specs) {
      if (!spec.namedOnly && next < plain) {
        result.push({ spec, argument: next++ });
        continue;
      }
      const at = takeNamed(spec);
      if (at === undefined && !spec.optional) return undefined;
      result.push({ spec, argument: at });
    }
  }
  return next === plain && named.size === 0 ? result : undefined;
}

/** How well the arguments (laid out, lambdas aside) fit; undefined when they do not. */
export function bind(
  laid: readonly { readonly spec: ArgumentSpec; readonly argument: CallArgument }[],
): { readonly bindings: Bindings; readonly cost: number } | undefined {
  const sources = new Map<string, CoercionSource[]>();
  if (laid.some(({ spec }) => spec.amongDecimals) && !laid.some(({ argument }) => isDecimal(argument)))
    return undefined;
  for (const { spec, argument } of laid) {
    if (argument.kind === "omitted") continue;
    const isPart = spec.type === "PART";
    if (isPart !== (argument.kind === "part")) return undefined;
    if (argument.kind === "part") {
      const word = argument.part.startsWith("WEEK(") ? "WEEK(DAY)" : argument.part;
      if (spec.parts && !spec.parts.includes(word) && !spec.parts.includes(argument.part)) return undefined;
      continue;
    }
    if ((spec.lambda !== undefined) !== (argument.kind === "lambda")) return undefined;
    if (argument.kind === "lambda") {
      if (spec.lambda!.args.length !== argument.parameters) return undefined;
      continue;
    }
    if (!collect(template(spec.type), argument.source, sources)) return undefined;
  }
  const bindings: Bindings = new Map();
  for (const [name, list] of sources) {
    const type = supertypeOf(list);
    if (!type) return undefined;
    bindings.set(name, type);
  }
  let cost = 0;
  for (const { spec, argument } of laid) {
    if (argument.kind !== "value") continue;
    const t = template(spec.type);
    if (t.kind === "any") continue;
    for (const name of variablesOf(t)) if (!bindings.has(name)) bindings.set(name, { kind: "INT64" });
    const type = substitute(t, bindings);
    if (!type) return undefined;
    const each = coercionCost(argument.source, type);
    if (each === undefined) return undefined;
    if (spec.notFromText && argument.source.type.kind === "STRING" && !argument.source.isUntypedNull) return undefined;
    const checked = t.kind === "variable" ? type : undefined;
    if (checked && spec.requires === "equality" && !supportsEquality(checked)) return undefined;
    if (checked && spec.requires === "grouping" && !supportsGrouping(checked)) return undefined;
    if (checked && spec.requires === "ordering" && !supportsOrdering(checked)) return undefined;
    // What is not a literal weighs more than all that are.
    cost += argument.source.isLiteral ? each : each * 1000;
  }
  return { bindings, cost };
}

const isDecimal = (argument: CallArgument): boolean =>
  argument.kind === "value" && /^(BIG)?NUMERIC$/.test(argument.source.type.kind);

function variablesOf(t: Template): readonly string[] {
  switch (t.kind) {
    case "variable":
      return [t.name];
    case "array":
    case "range":
      return variablesOf(t.element);
    case "struct":
      return t.fields.flatMap((field) => variablesOf(field.type));
    default:
      return [];
  }
}

/** A compact way to write entries of the catalogue, and the few shapes that their DuckDB text is built from. */
import { stringText } from "../emit/text.ts";
import type {
  AggregateCall,
  AggregateOptions,
  Argument,
  ArgumentSpec,
  Emit,
  EmitContext,
  FunctionEntry,
  ResultType,
  Signature,
} from "./contract.ts";
import { refused, verified } from "./contract.ts";

/** DuckDB text from the DuckDB texts of the arguments; `undefined` for an omitted optional one. */
export type Print = (...args: string[]) => string;

/**
 * A signature from text. Arguments are separated by commas: `STRING`, `INT64?` optional, `STRING*` repeated, `INT64!` a
 * literal, `name=>BOOL?` may be named, `name==>BOOL?` must be named, `PART[DAY|WEEK]`.
 *
 *   sig("STRING, INT64, INT64?", "STRING", (s, p, n) => ...)
 */
export function sig(args: string, result: ResultType, print: Print): Signature {
  return {
    args: readArguments(args),
    result,
    emit: (given) => print(...given.map((one) => one?.sql as string)),
  };
}

/** As `sig`, for an emit that looks at types, literals, date parts, or what surrounds the call. */
export function sigOf(args: string, result: ResultType, emit: Emit): Signature {
  return { args: readArguments(args), result, emit };
}

const civilTypes: ReadonlySet<string> = new Set(["DATE", "TIME", "DATETIME", "TIMESTAMP"]);

/** A signature that GoogleSQL has added for another type than the function is named after: a STRING literal is not taken for it. */
export const extended = (signature: Signature): Signature => ({
  ...signature,
  args: signature.args.map((spec) => (civilTypes.has(spec.type) ? { ...spec, notFromText: true } : spec)),
});

/** A signature for NUMERIC or BIGNUMERIC that literals of other types alone do not call for. */
export const amongDecimals = (signature: Signature): Signature => ({
  ...signature,
  args: signature.args.map((spec) => ({ ...spec, amongDecimals: true })),
});

function readArguments(text: string): ArgumentSpec[] {
  return splitTop(text).map((part) => {
    const match = /^(?:(\w+)(==?>))?\s*(.*?)(?:\[(.*)\])?([?*!]*)$/.exec(part);
    const [, name, arrow, type, parts, marks = ""] = match ?? [];
    if (type === undefined) throw new Error(`not an argument: ${part}`);
    return {
      type,
      ...(name ? { name } : {}),
      ...(arrow === "==>" ? { namedOnly: true } : {}),
      ...(parts ? { parts: parts.split("|") } : {}),
      ...(marks.includes("?") ? { optional: true } : {}),
      ...(marks.includes("*") ? { repeated: true } : {}),
      ...(marks.includes("!") ? { constant: true } : {}),
    };
  });
}

function splitTop(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i <= text.length; i++) {
    const c = text[i];
    if (c === "<" || c === "[") depth++;
    // The `>` of `=>` closes nothing.
    else if ((c === ">" && text[i - 1] !== "=") || c === "]") depth--;
    else if ((c === "," && depth === 0) || c === undefined) {
      const part = text.slice(from, i).trim();
      if (part !== "") parts.push(part);
      from = i + 1;
    }
  }
  return parts;
}

export interface EntryOptions {
  readonly noSafe?: boolean;
  readonly volatile?: boolean;
  readonly cannotFail?: boolean;
}

type Names = string | readonly [string, ...string[]];
const nameList = (names: Names): readonly [string, ...string[]] => (typeof names === "string" ? [names] : names);

export function scalar(group: string, names: Names, signatures: readonly Signature[], options: EntryOptions = {}) {
  const entry: FunctionEntry = {
    names: nameList(names),
    kind: "scalar",
    group,
    status: verified,
    signatures,
    ...options,
  };
  return entry;
}

export function aggregate(group: string, names: Names, options: AggregateOptions, signatures: readonly Signature[]) {
  const entry: FunctionEntry = {
    names: nameList(names),
    kind: "aggregate",
    group,
    status: verified,
    signatures,
    aggregate: options,
  };
  return entry;
}

export function analytic(group: string, names: Names, options: AggregateOptions, signatures: readonly Signature[]) {
  const entry: FunctionEntry = {
    names: nameList(names),
    kind: "analytic",
    group,
    status: verified,
    signatures,
    aggregate: { over: "required", ...options },
  };
  return entry;
}

/** Functions that BigQuery has and the local engine says no to, each with the same reason. */
export function refuseAll(group: string, reason: string, names: readonly string[]): FunctionEntry[] {
  return names.map((name) => ({ names: [name], kind: "scalar", group, status: refused(reason), signatures: [] }));
}

const plain = /^(?:[\w."]+|'(?:[^']|'')*'|-?[0-9.]+)(?:::\w+)?$/;

/**
 * Evaluates each value once and uses it as often as `body` likes: DuckDB has no LET, and a lambda over a list of one is as
 * cheap. Values that are names or literals are used as they stand.
 */
export function bind(ctx: EmitContext, values: readonly string[], body: (...names: string[]) => string): string {
  const complex = values.filter((value) => !plain.test(value));
  if (complex.length === 0) return `(${body(...values)})`;
  const it = ctx.fresh("v");
  if (complex.length === 1) {
    return `list_transform([${complex[0]}], lambda ${it}: ${body(...values.map((value) => (plain.test(value) ? value : it)))})[1]`;
  }
  let n = 0;
  const names = values.map((value) => (plain.test(value) ? value : `${it}.a${++n}`));
  const fields = complex.map((value, i) => `a${i + 1} := ${value}`).join(", ");
  return `list_transform([struct_pack(${fields})], lambda ${it}: ${body(...names)})[1]`;
}

/** `FILTER (WHERE x IS NOT NULL)`, with what the call filters by already. */
export const without = (call: AggregateCall, condition: string): Partial<AggregateCall> => ({
  filter: call.filter === undefined ? condition : `(${call.filter}) and ${condition}`,
  nulls: undefined,
});

/** `bind` as an emit over the argument texts. */
export function sigBind(args: string, result: ResultType, print: Print): Signature {
  return sigOf(args, result, (given, ctx) =>
    bind(
      ctx,
      given.map((one) => one!.sql),
      print,
    ),
  );
}

/** Fails the statement when it is evaluated. `error()` would do, but DuckDB bars it from TRY, which `SAFE.` needs. */
export const fail = (message: string, type: string): string => `cast(gs_fail(${stringText(message)}) as ${type})`;

/** The value of a literal argument when it is there, not NULL and of that JS type. */
export const literalText = (arg: Argument | undefined): string | undefined =>
  typeof arg?.literal?.value === "string" ? arg.literal.value : undefined;
export const literalInt = (arg: Argument | undefined): bigint | undefined =>
  typeof arg?.literal?.value === "bigint" ? arg.literal.value : undefined;
export const isNullLiteral = (arg: Argument | undefined): boolean => arg?.literal?.value === null;

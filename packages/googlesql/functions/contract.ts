/**
 * What an entry of the verified function list looks like. The analyzer matches a call against `signatures`, coerces the
 * arguments to the chosen one, and asks it for DuckDB SQL. Nothing that has no entry is ever let through.
 *
 * Names that an emitted text depends on (macros and JS functions) start with `gs_`; the session finds them in the text and
 * installs just those, and what those need in turn. So: no list of dependencies to keep.
 *
 * Raising: never DuckDB's `error()` (it is volatile, so `TRY`, our `SAFE.`, cannot hold it). Use the core macro
 * `gs_raise(<varchar>)`, a VARCHAR that always fails with that message: `case when bad then cast(gs_raise('...') as bigint)
 * else ... end`; CASE, COALESCE and IF in DuckDB evaluate only the rows of the branch taken. `raise(message, type)` below
 * writes it. Anything else that throws in DuckDB (a failed cast, an overflow) is an evaluation error as well.
 */
import type { GoogleSqlType } from "../types.ts";

/**
 * A type in a signature: any GoogleSQL type as text, with `T1`, `T2` ... bound by the arguments (to their supertype) and
 * usable inside ARRAY<>/STRUCT<>/RANGE<>; `ANY` accepts every type and binds nothing; `PART` is a date part keyword.
 *
 *   "INT64"   "ARRAY<T1>"   "T1"   "ANY"   "PART"   "ARRAY<STRUCT<T1, T2>>"
 */
export type TypeTemplate = string;

export interface ArgumentSpec {
  readonly type: TypeTemplate;
  /** The name in `name => value` calls. */
  readonly name?: string;
  /** Only by name (`insert_after_end => true`). */
  readonly namedOnly?: boolean;
  readonly optional?: boolean;
  /** Zero or more of these; consecutive repeated arguments repeat as a group. */
  readonly repeated?: boolean;
  /** A STRING literal does not coerce to it. */
  readonly notFromText?: boolean;
  /** Another argument, or this one, must be NUMERIC or BIGNUMERIC itself. */
  readonly amongDecimals?: boolean | undefined;
  /** Must be a literal (after coercion), whose value then is in `Argument.literal`; a query parameter is bound as one. */
  readonly constant?: boolean;
  /** For `PART`: which keywords are allowed, upper case. `WEEK` also admits `WEEK(MONDAY)` when "WEEK(DAY)" is listed. */
  readonly parts?: readonly string[];
  /** The argument is a lambda `x -> ...` or `(x, i) -> ...`: its parameter types and its result type (may bind a Tn). */
  readonly lambda?: { readonly args: readonly TypeTemplate[]; readonly result: TypeTemplate };
  /** The template T must be a type that can be compared, grouped, ordered. */
  readonly requires?: "equality" | "grouping" | "ordering";
}

/** The value of a literal: INT64 bigint, FLOAT64 number, BYTES Uint8Array, BOOL boolean, all other types their GoogleSQL text. */
export type LiteralValue = bigint | number | string | boolean | Uint8Array | null;

/** One argument of a call, already coerced to the signature's type. */
export interface Argument {
  /** DuckDB SQL of the value, safe to put anywhere (parenthesised where needed). For a lambda: `(p1, p2) -> body`. */
  readonly sql: string;
  readonly type: GoogleSqlType;
  /** Set when the argument is a literal. */
  readonly literal?: { readonly value: LiteralValue } | undefined;
  /** The argument is written NULL, without a type of its own. */
  readonly isUntypedNull?: boolean | undefined;
  /** Whether the argument has one value for the whole statement; undefined for a part or a lambda. */
  readonly constness?: "constant" | "varying" | "unknown" | undefined;
  /** Set for `PART`: the keyword in upper case, `WEEK(MONDAY)` with its day. */
  readonly part?: string | undefined;
  /** Set for a lambda: the DuckDB names of its parameters, and its body on its own. */
  readonly lambda?:
    | {
        readonly params: readonly string[];
        readonly body: string;
        readonly result: GoogleSqlType;
        /** The body has a subquery, which DuckDB takes in no lambda: see functions/lambdas.ts. */
        readonly hasSubquery?: boolean | undefined;
      }
    | undefined;
  /** Set when the argument is written `INTERVAL x PART`: the INT64 amount and the part, beside the INTERVAL in `sql`. */
  readonly interval?: { readonly sql: string; readonly part: string } | undefined;
  /** True when every value is known to be NOT NULL (a literal, mostly). */
  readonly isNeverNull?: boolean | undefined;
}

/** What surrounds the arguments of an aggregate or analytic call. */
export interface AggregateCall {
  readonly distinct: boolean;
  /** `ORDER BY a NULLS FIRST, b DESC NULLS LAST` inside the call's brackets, or "". */
  readonly orderBy: string;
  /** LIMIT inside the call's brackets, as DuckDB SQL of an INT64 literal. */
  readonly limit: string | undefined;
  readonly nulls: "IGNORE" | "RESPECT" | undefined;
  /** A boolean DuckDB expression that rows must pass (`FILTER (WHERE ...)`), or undefined. */
  readonly filter: string | undefined;
  /** `(PARTITION BY ... ORDER BY ... ROWS ...)` without the word OVER; undefined when it is a plain aggregate. */
  readonly over: string | undefined;
  /** Whether the window has an ORDER BY; whether it has an explicit frame. */
  readonly windowHasOrder: boolean;
}

export interface EmitContext {
  /** The call is wrong GoogleSQL: reported at the call's place as an analysis error. */
  error(message: string): never;
  /** The call may be right, but is not on the verified list: reported with name, file, line and column. */
  refuse(reason: string): never;
  /** A DuckDB identifier that nobody else uses. */
  fresh(prefix: string): string;
  /** For kind "aggregate" and "analytic" only. */
  readonly call: AggregateCall;
  /** Renders `name([DISTINCT] args [ORDER BY]) [FILTER] [OVER]` from `call`; `more` replaces single parts of it. */
  aggregate(name: string, args: readonly string[], more?: Partial<AggregateCall>): string;
}

/** Result type: a template, or computed from the (coerced) arguments where templates do not say it. */
export type ResultType = TypeTemplate | ((args: readonly Argument[]) => GoogleSqlType);

/**
 * `args` has one element per argument of the signature in its order: an omitted optional argument is undefined, and
 * repeated arguments are all there, in the order of the call, in place of their one spec.
 */
export type Emit = (args: readonly (Argument | undefined)[], ctx: EmitContext) => string;

export interface Signature {
  readonly args: readonly ArgumentSpec[];
  readonly result: ResultType;
  readonly emit: Emit;
  /** Calls of it fail, with a message of their own: it is not on the page of functions. */
  readonly alwaysFails?: boolean | undefined;
}

export interface AggregateOptions {
  readonly distinct?: boolean;
  readonly orderBy?: boolean;
  readonly limit?: boolean;
  /** IGNORE NULLS | RESPECT NULLS. */
  readonly nulls?: boolean;
  /** HAVING MAX | HAVING MIN; done by the analyzer. */
  readonly having?: boolean;
  /** OVER allowed, required (analytic functions), or not at all. */
  readonly over?: "allowed" | "required" | "never";
  /** For functions with OVER: whether ORDER BY must be in the window, and whether a frame may be. */
  readonly windowOrder?: "required" | "allowed" | "never";
  readonly windowFrame?: boolean;
}

export interface FunctionEntry {
  /** GoogleSQL names in upper case, dotted where they are (`NET.HOST`); the first one is the page's heading. */
  readonly names: readonly [string, ...string[]];
  readonly kind: "scalar" | "aggregate" | "analytic" | "table";
  /** The chapter of the reference page: `string`, `json`, `date`, ... */
  readonly group: string;
  readonly status: { readonly kind: "verified" } | { readonly kind: "refused"; readonly reason: string };
  /** Tried in order; the cheapest coercion wins, then the earlier one. Empty when refused. */
  readonly signatures: readonly Signature[];
  /** Says no to `SAFE.F(...)`. */
  readonly noSafe?: boolean;
  /** Gives another value each time (RAND, GENERATE_UUID): never duplicated, never folded. */
  readonly volatile?: boolean;
  /** Cannot fail at run time, so that `SAFE.` and lazy contexts need no guard. */
  readonly cannotFail?: boolean;
  readonly aggregate?: AggregateOptions;
}

/** `CREATE MACRO` text: `create or replace temp macro <name><definition>`, e.g. definition `(x, y) as (x + y)`. */
export interface Macro {
  readonly name: `gs_${string}`;
  /** Everything after the name. Several overloads may be separated by a comma as DuckDB has it. */
  readonly definition: string;
}

/**
 * A value inside a JS function, by DuckDB type: BIGINT bigint, DOUBLE number, VARCHAR and JSON string, BOOLEAN boolean,
 * BLOB Uint8Array, DATE days since 1970 (number), TIMESTAMP and TIMESTAMPTZ micros since 1970 (bigint), TIME micros (bigint),
 * INTERVAL {months, days, micros}, DECIMAL(38,9) the unscaled bigint (value x 10^9), LIST array, STRUCT record by f1, f2, ...
 */
export type JsValue =
  | bigint
  | number
  | string
  | boolean
  | Uint8Array
  | null
  | { readonly months: number; readonly days: number; readonly micros: bigint }
  | readonly JsValue[]
  | { readonly [field: string]: JsValue };

/** A scalar function in JS, registered as a DuckDB scalar function when a statement needs it. */
export interface JsFunction {
  readonly name: `gs_${string}`;
  /** DuckDB types of the arguments; `varargs` (a DuckDB type) for any number of further ones. */
  readonly args: readonly string[];
  readonly varargs?: string;
  readonly result: string;
  /** "propagate" (default): NULL in any argument gives NULL without a call. "own": `run` sees nulls. */
  readonly nulls?: "propagate" | "own";
  readonly volatile?: boolean;
  /** Throwing an Error fails the statement with its message (an evaluation error); `SAFE.` turns it to NULL. */
  readonly run: (...args: JsValue[]) => JsValue;
  /** The same for many rows at once, where that is cheaper; gives a value for each row, in order. */
  readonly batch?: (rows: readonly (readonly JsValue[])[]) => readonly JsValue[];
  /** The statement has ended: nothing of it is kept for the next. */
  readonly release?: () => void;
}

/** What a file of the catalogue exports, and what functions/catalogue.ts gathers. */
export interface FunctionLibrary {
  readonly functions: readonly FunctionEntry[];
  readonly macros?: readonly Macro[];
  readonly js?: readonly JsFunction[];
}

/** DuckDB SQL of the given DuckDB type that fails with `message` (a DuckDB SQL expression of type VARCHAR) when evaluated. */
export const raise = (messageSql: string, duckType: string): string => `cast(gs_raise(${messageSql}) as ${duckType})`;

/** Shorthands for signatures. */
export const verified = { kind: "verified" } as const;
export const refused = (reason: string) => ({ kind: "refused", reason }) as const;

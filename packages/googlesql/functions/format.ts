import { floatText } from "../emit/civil.ts";
import { stringText } from "../emit/text.ts";
import { type GoogleSqlType, structFieldName } from "../types.ts";
import type { Argument, EmitContext, FunctionLibrary, JsFunction, JsValue } from "./contract.ts";
import { decimalBy, formatDynamic, type PrintedArgument, specifier } from "./format-dynamic.ts";
import { formatDouble, formatInteger, formatText, quoteLiteral, readSpecifier } from "./printf.ts";
import { bind, isNullLiteral, literalText, scalar, sigOf } from "./signature.ts";
import { bytesToUnits } from "./text-algorithms.ts";

/** DuckDB text of what %t ("t") or %T ("T") prints of a value; NULL prints as NULL. */
export function displayText(sql: string, type: GoogleSqlType, how: "t" | "T", ctx: EmitContext): string {
  return `coalesce(${display(sql, type, how, ctx)}, 'NULL')`;
}

function display(sql: string, type: GoogleSqlType, how: "t" | "T", ctx: EmitContext): string {
  const tagged = (tag: string, value: string): string => (how === "T" ? `'${tag} "' || ${value} || '"'` : value);
  switch (type.kind) {
    case "BOOL":
    case "INT64":
      return `cast(${sql} as varchar)`;
    case "FLOAT64":
      return `gs_display_float(${sql}, ${how === "T"})`;
    case "NUMERIC":
      return tagged("NUMERIC", `gs_numeric_text(${sql})`);
    case "BIGNUMERIC":
      return tagged("BIGNUMERIC", sql);
    case "STRING":
      return how === "T" ? `gs_quote_string(${sql})` : sql;
    case "BYTES":
      return how === "T" ? `gs_quote_bytes(${sql})` : `gs_display_bytes(${sql})`;
    case "DATE":
      return tagged("DATE", `strftime(${sql}, '%Y-%m-%d')`);
    case "TIME":
      return tagged(
        "TIME",
        bind(ctx, [sql], (v) => `gs_time_text(${v})`),
      );
    case "DATETIME":
      return tagged(
        "DATETIME",
        bind(ctx, [sql], (v) => `gs_datetime_text(${v})`),
      );
    case "TIMESTAMP":
      return tagged(
        "TIMESTAMP",
        bind(ctx, [sql], (v) => `gs_timestamp_text(${v})`),
      );
    case "JSON":
      return how === "T" ? `'JSON ' || gs_quote_string(cast(${sql} as varchar))` : `cast(${sql} as varchar)`;
    case "ARRAY": {
      const e = ctx.fresh("e");
      return bind(
        ctx,
        [sql],
        (v) =>
          `case when ${v} is not null then '[' || coalesce(array_to_string(list_transform(${v}, lambda ${e}: ${displayText(e, type.element, how, ctx)}), ', '), '') || ']' end`,
      );
    }
    case "STRUCT":
      return bind(ctx, [sql], (v) => {
        const fields = type.fields.map((field, i) => displayText(`${v}.${structFieldName(i)}`, field.type, how, ctx));
        const open = how === "T" && fields.length < 2 ? "STRUCT(" : "(";
        return `case when ${v} is not null then '${open}'${fields.length > 0 ? ` || ${fields.join(" || ', ' || ")}` : ""} || ')' end`;
      });
    case "INTERVAL":
      return how === "T"
        ? `'INTERVAL "' || gs_interval_text(${sql}) || '" YEAR TO SECOND'`
        : `gs_interval_text(${sql})`;
    case "RANGE": {
      const bound = (x: string): string => `coalesce(${display(x, type.element, "t", ctx)}, 'UNBOUNDED')`;
      return bind(ctx, [sql], (v) => {
        const value = `case when ${v} is not null then '[' || ${bound(`${v}.f1`)} || ', ' || ${bound(`${v}.f2`)} || ')' end`;
        return how === "T" ? `'RANGE<${type.element.kind}> "' || (${value}) || '"'` : value;
      });
    }
    default:
      return ctx.refuse(`%${how} of this type`);
  }
}

function formatOne(whole: string, letter: string, arg: Argument, index: number, ctx: EmitContext): string {
  const kind = arg.type.kind;
  const wrong = (expected: string): never =>
    ctx.error(`Invalid type for argument ${index + 2} to FORMAT; Expected ${expected}; Got ${kind}`);
  const simple = whole.length === 2;
  const spec = stringText(whole);
  if (/[dioxX]/.test(letter)) {
    if (kind !== "INT64") return wrong("integer");
    return simple && /[di]/.test(letter) ? `cast(${arg.sql} as varchar)` : `gs_format_integer(${spec}, ${arg.sql})`;
  }
  if (/[fFeEgG]/.test(letter)) {
    if (kind === "FLOAT64") return `gs_format_double(${spec}, ${arg.sql})`;
    if (kind === "NUMERIC") return `gs_format_decimal(${spec}, gs_numeric_text(${arg.sql}))`;
    if (kind === "BIGNUMERIC") return `gs_format_decimal(${spec}, ${arg.sql})`;
    return wrong("FLOAT64");
  }
  if (letter === "s") {
    if (kind !== "STRING") return wrong("STRING");
    return simple ? `split_part(${arg.sql}, chr(0), 1)` : `gs_format_text(${spec}, ${arg.sql})`;
  }
  if (/[pP]/.test(letter)) {
    if (kind !== "JSON") return wrong("JSON");
    const value = `cast(${arg.sql} as varchar)`;
    return `gs_format_text(${spec}, ${letter === "P" ? `gs_json_pretty(${value})` : value})`;
  }
  if (letter === "t" || letter === "T") {
    const value = displayText(arg.sql, arg.type, letter, ctx);
    return simple ? value : `gs_format_text(${spec}, ${value})`;
  }
  return ctx.error(`Invalid format specifier character "${letter}" in FORMAT string`);
}

const format = sigOf("STRING, ANY*", "STRING", ([f, ...args], ctx) => {
  if (isNullLiteral(f)) return "cast(null as varchar)";
  const given = literalText(f);
  if (given === undefined || hasOpenStar(given, args)) return dynamicText(f!, args as Argument[], ctx);
  const pieces: string[] = [];
  let at = 0;
  let used = 0;
  for (const match of given.matchAll(specifier)) {
    if (match.index > at) pieces.push(stringText(given.slice(at, match.index)));
    at = match.index + match[0].length;
    if (match[0] === "%%") {
      pieces.push("'%'");
      continue;
    }
    let whole = match[0];
    if (match[2] === "*" || match[3] === "*") {
      for (let star = whole.indexOf("*"); star >= 0; star = whole.indexOf("*")) {
        const width = args[used++]?.literal?.value;
        if (typeof width !== "bigint") return ctx.refuse("FORMAT with a * that is not a literal");
        if (whole[star - 1] === ".") {
          // A negative precision is none.
          whole =
            width < 0n
              ? whole.slice(0, star - 1) + whole.slice(star + 1)
              : whole.slice(0, star) + width + whole.slice(star + 1);
        } else if (width < 0n) whole = `%-${whole.slice(1, star)}${-width}${whole.slice(star + 1)}`;
        else whole = whole.slice(0, star) + width + whole.slice(star + 1);
      }
    }
    const arg = args[used];
    if (arg === undefined) return ctx.error(`Too few arguments to FORMAT for pattern "${given}"`);
    pieces.push(`(${formatOne(whole, match[4]!, arg, used, ctx)})`);
    used++;
  }
  const rest = given.slice(at);
  if (rest.includes("%")) return ctx.error(`Format string cannot end with a single '%': "${given}"`);
  if (rest !== "") pieces.push(stringText(rest));
  if (used < args.length)
    return ctx.error(
      `Too many arguments to FORMAT for pattern "${given}"; Expected ${used + 1}; Got ${args.length + 1}`,
    );
  return pieces.length === 0 ? "''" : pieces.join(" || ");
});

/** Whether a `*` in the format stands for a value that is known only when it is evaluated. */
const hasOpenStar = (given: string, args: readonly (Argument | undefined)[]): boolean =>
  /%[-+ #0']*(?:\*|\d*\.\*)/.test(given.replaceAll("%%", "")) && args.some((arg) => arg && !arg.literal);

/** A format that is not a literal: JS reads it, over all that the arguments could be printed as. */
function dynamicText(format: Argument, args: readonly Argument[], ctx: EmitContext): string {
  const texts = args.map((arg) => {
    const { kind } = arg.type;
    const raw =
      kind === "NUMERIC"
        ? `gs_numeric_text(${arg.sql})`
        : ["INT64", "FLOAT64", "BIGNUMERIC", "STRING", "JSON"].includes(kind)
          ? `cast(${arg.sql} as varchar)`
          : "cast(null as varchar)";
    return `[${raw}, ${displayText(arg.sql, arg.type, "t", ctx)}, ${displayText(arg.sql, arg.type, "T", ctx)}]`;
  });
  const kinds = stringText(args.map((arg) => arg.type.kind).join(" "));
  return `gs_format_dynamic(${format.sql}, ${kinds}, cast([${texts.join(", ")}] as varchar[][]))`;
}

const fn = (name: string, args: string, run: (...values: never[]) => string): JsFunction => ({
  name: `gs_${name}`,
  args: args.split(" "),
  result: "VARCHAR",
  run: run as (...values: JsValue[]) => JsValue,
});

function displayFloat(value: number, literal: boolean): string {
  if (!Number.isFinite(value)) return literal ? `CAST("${floatText(value)}" AS FLOAT64)` : floatText(value);
  const plain = Object.is(value, -0) ? "-0" : floatText(value);
  return /[.e]/.test(plain) ? plain : `${plain}.0`;
}

/** Bytes as %t prints them: escaped as in a literal, without its quotes. */
const displayBytes = (value: Uint8Array): string =>
  bytesToUnits(value)
    .split("")
    .map((c) => (c === "\\" || c === '"' || c === "'" ? `\\${c}` : quoteLiteral(c, true).slice(2, -1)))
    .join("");

export const formatting: FunctionLibrary = {
  functions: [scalar("string", "FORMAT", [format])],
  js: [
    fn("format_integer", "VARCHAR BIGINT", (spec: string, value: bigint) => formatInteger(readSpecifier(spec), value)),
    fn("format_double", "VARCHAR DOUBLE", (spec: string, value: number) => formatDouble(readSpecifier(spec), value)),
    fn("format_decimal", "VARCHAR VARCHAR", (spec: string, value: string) => decimalBy(readSpecifier(spec), value)),
    {
      name: "gs_format_dynamic",
      args: ["VARCHAR", "VARCHAR", "VARCHAR[][]"],
      result: "VARCHAR",
      nulls: "own",
      run: (given, kinds, texts) =>
        formatDynamic(
          given as string | null,
          (kinds as string).split(" ").filter((kind) => kind !== ""),
          texts as unknown as PrintedArgument[],
        ),
    },
    fn("format_text", "VARCHAR VARCHAR", (spec: string, value: string) => formatText(readSpecifier(spec), value)),
    fn("display_float", "DOUBLE BOOLEAN", displayFloat),
    fn("display_bytes", "BLOB", displayBytes),
    fn("quote_string", "VARCHAR", (value: string) => quoteLiteral(value, false)),
    fn("quote_bytes", "BLOB", (value: Uint8Array) => quoteLiteral(bytesToUnits(value), true)),
  ],
};

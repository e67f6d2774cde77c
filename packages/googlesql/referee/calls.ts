import fc from "fast-check";
import { type Bindings, substitute, template } from "../analyzer/signatures.ts";
import type { ArgumentSpec, FunctionEntry, Signature } from "../functions/contract.ts";
import {
  arrayOf,
  BIGNUMERIC,
  BOOL,
  BYTES,
  DATE,
  DATETIME,
  FLOAT64,
  type GoogleSqlType,
  INT64,
  INTERVAL,
  JSON_TYPE,
  NUMERIC,
  STRING,
  structOf,
  TIME,
  TIMESTAMP,
} from "../types.ts";
import { literalOf, type StringFlavour, stringsOf } from "./literals.ts";

const anyTypes: readonly GoogleSqlType[] = [
  INT64,
  FLOAT64,
  STRING,
  BOOL,
  NUMERIC,
  BIGNUMERIC,
  BYTES,
  DATE,
  DATETIME,
  TIME,
  TIMESTAMP,
  INTERVAL,
  JSON_TYPE,
  arrayOf(INT64),
  structOf(["a", INT64], ["b", STRING]),
];
const plainTypes = anyTypes.slice(0, 11);

/** Which strings the functions of a chapter of the reference take, argument by argument. */
const flavours: Readonly<Record<string, readonly StringFlavour[]>> = {
  json: ["json", "path", "text"],
  regexp: ["text", "pattern"],
  date: ["date", "format", "zone"],
  time: ["date", "format", "zone"],
  datetime: ["date", "format", "zone"],
  timestamp: ["date", "format", "zone"],
  interval: ["date"],
  conversion: ["number", "text", "code"],
  net: ["url"],
  string: ["text", "text", "pattern", "code"],
  hash: ["text"],
};

const byFunction: readonly (readonly [RegExp, readonly StringFlavour[]])[] = [
  [/^REGEXP_/, ["text", "pattern"]],
  [/^(PARSE|FORMAT)_(DATE|TIME|DATETIME|TIMESTAMP)$/, ["format", "date", "zone"]],
  [/^(PARSE_NUMERIC|PARSE_BIGNUMERIC)$/, ["number"]],
  [/^(FROM|SAFE_CONVERT)_|^TO_(HEX|BASE)/, ["code", "text"]],
  [/JSON/, ["json", "path"]],
  [/^NET\./, ["url"]],
  [/^(DATE|TIME|DATETIME|TIMESTAMP|EXTRACT|STRING|CURRENT_)/, ["date", "zone"]],
];

function stringsFor(entry: FunctionEntry, position: number): readonly string[] {
  const name = entry.names[0];
  const kinds = byFunction.find(([pattern]) => pattern.test(name))?.[1] ?? flavours[entry.group] ?? ["text"];
  const own = kinds[Math.min(position, kinds.length - 1)]!;
  // The one that belongs there most of the time, a neighbour now and then.
  return [...stringsOf(own), ...stringsOf(own), ...stringsOf(...kinds, "text")];
}

function bindingsFor(signature: Signature): fc.Arbitrary<Bindings> {
  const names = new Set(signature.args.flatMap((spec) => spec.type.match(/\bT\d*\b/g) ?? []));
  const ordered = signature.args.some((spec) => spec.requires !== undefined);
  return fc
    .tuple(...[...names].map(() => fc.constantFrom(...(ordered ? plainTypes : anyTypes))))
    .map((types) => new Map([...names].map((name, i) => [name, types[i]!])));
}

function typeOf(spec: ArgumentSpec, bindings: Bindings): fc.Arbitrary<GoogleSqlType> {
  if (spec.type === "ANY") return fc.constantFrom(...anyTypes);
  const type = substitute(template(spec.type), bindings);
  return type ? fc.constant(type) : fc.constantFrom(...plainTypes);
}

interface Piece {
  readonly text: string;
  readonly type: GoogleSqlType | undefined;
}

const days = ["MONDAY", "SUNDAY", "THURSDAY"];
const dateParts = [
  "YEAR",
  "ISOYEAR",
  "QUARTER",
  "MONTH",
  "WEEK",
  "ISOWEEK",
  "WEEK(MONDAY)",
  "DAY",
  "HOUR",
  "MINUTE",
  "SECOND",
  "MILLISECOND",
  "MICROSECOND",
];

function argumentOf(
  entry: FunctionEntry,
  spec: ArgumentSpec,
  position: number,
  bindings: Bindings,
): fc.Arbitrary<Piece> {
  const named = (text: string): string => (spec.namedOnly ? `${spec.name} => ${text}` : text);
  if (spec.type === "PART") {
    const parts = (spec.parts ?? dateParts).flatMap((part) =>
      part === "WEEK(DAY)" ? days.map((day) => `WEEK(${day})`) : [part],
    );
    // A part of another function now and then: both must say no to it.
    return fc
      .oneof(
        { weight: 12, arbitrary: fc.constantFrom(...parts) },
        { weight: 1, arbitrary: fc.constantFrom(...dateParts) },
      )
      .map((text) => ({ text, type: undefined }));
  }
  if (spec.lambda) {
    const { args, result } = spec.lambda;
    const params = args.map((_, i) => `p${i}`);
    const head = params.length === 1 ? params[0] : `(${params.join(", ")})`;
    const bodies =
      result === "BOOL"
        ? [`${params[0]} is not null`, "true", `${params[0]} is null`, "cast(null as bool)"]
        : [`${params[0]}`, "1", "'x'"];
    return fc.constantFrom(...bodies).map((body) => ({ text: named(`${head} -> ${body}`), type: undefined }));
  }
  const fixed = fixedArguments[entry.names[0]]?.[position];
  if (fixed) return fc.constantFrom(...fixed).map((text) => ({ text, type: undefined }));
  // The referee narrows years, months and days to 32 bits unseen.
  if (/^(DATE|DATETIME|TIME)$/.test(entry.names[0]) && spec.type === "INT64") {
    return fc
      .integer({ min: -3, max: 70 })
      .map((n) => ({ text: String(position === 0 && n > 40 ? 1950 + n : n), type: INT64 }));
  }
  return typeOf(spec, bindings).chain((type) =>
    literalOf(type, { strings: stringsFor(entry, position), nullOneIn: spec.constant ? 20 : 8 }).map((text) => ({
      text: named(text),
      type,
    })),
  );
}

function argumentsOf(entry: FunctionEntry, signature: Signature): fc.Arbitrary<readonly Piece[]> {
  const optional = signature.args.filter((spec) => spec.optional && !spec.namedOnly).length;
  const group = signature.args.filter((spec) => spec.repeated);
  return fc
    .tuple(bindingsFor(signature), fc.integer({ min: 0, max: optional }), fc.integer({ min: 0, max: 3 }), fc.boolean())
    .chain(([bindings, given, rounds, isNamed]) => {
      const specs: ArgumentSpec[] = [];
      let left = given;
      for (const spec of signature.args) {
        if (spec.namedOnly) {
          if (isNamed || !spec.optional) specs.push(spec);
        } else if (spec.optional) {
          if (left-- > 0) specs.push(spec);
        } else if (spec.repeated) {
          if (spec === group[0]) for (let i = 0; i < rounds; i++) specs.push(...group);
        } else specs.push(spec);
      }
      return fc.tuple(...specs.map((spec, i) => argumentOf(entry, spec, i, bindings)));
    });
}

/** Another type in one place, or one argument too few: what GoogleSQL refuses must be refused. */
function spoiled(pieces: readonly Piece[]): fc.Arbitrary<readonly Piece[]> {
  if (pieces.length === 0) return fc.constant(pieces);
  return fc
    .tuple(fc.nat(pieces.length - 1), fc.constantFrom(...anyTypes), fc.integer({ min: 0, max: 5 }))
    .chain(([at, type, how]) =>
      how === 0
        ? fc.constant(pieces.slice(0, -1))
        : literalOf(type).map((text) => pieces.map((piece, i) => (i === at && piece.type ? { text, type } : piece))),
    );
}

/** Arguments that must be literals in a narrow range, by function and place. */
const fixedArguments: Readonly<Record<string, Readonly<Record<number, readonly string[]>>>> = {
  NTILE: { 0: ["1", "2", "3", "7", "0", "-1", "null"] },
  NTH_VALUE: { 1: ["1", "2", "3", "5", "0"] },
  PERCENTILE_CONT: { 1: ["0", "0.25", "0.5", "0.9", "1", "1.5", "-0.1"] },
  PERCENTILE_DISC: { 1: ["0", "0.25", "0.5", "0.9", "1", "1.5", "-0.1"] },
  LAG: { 1: ["0", "1", "2", "-1"] },
  LEAD: { 1: ["0", "1", "2", "-1"] },
};

const keywordCalls: ReadonlySet<string> = new Set([
  "CURRENT_DATE",
  "CURRENT_TIME",
  "CURRENT_DATETIME",
  "CURRENT_TIMESTAMP",
]);

/** Statements that call the function in all its shapes. */
export function callsOf(entry: FunctionEntry): fc.Arbitrary<string> {
  return fc.constantFrom(...entry.names).chain((name) =>
    fc.constantFrom(...entry.signatures).chain((signature) =>
      argumentsOf(entry, signature)
        .chain((pieces) =>
          fc.oneof({ weight: 9, arbitrary: fc.constant(pieces) }, { weight: 1, arbitrary: spoiled(pieces) }),
        )
        .chain((pieces) => statementOf(entry, name, signature, pieces)),
    ),
  );
}

function statementOf(
  entry: FunctionEntry,
  name: string,
  signature: Signature,
  pieces: readonly Piece[],
): fc.Arbitrary<string> {
  const texts = pieces.map((piece) => piece.text);
  if (entry.kind === "scalar") {
    const asColumns = pieces.length > 0 && pieces.every((piece, i) => piece.type || !signature.args[i]);
    // Under SAFE. the limits of the referee on arrays would read as NULL.
    const safe = entry.noSafe || name.startsWith("GENERATE_") ? fc.constant("") : fc.constantFrom("", "", "", "safe.");
    return fc.tuple(safe, fc.boolean()).map(([prefix, columns]) => {
      if (name === "EXTRACT") {
        const [part, from, zone] = texts;
        return `select extract(${part} from ${from}${zone === undefined ? "" : ` at time zone ${zone}`})`;
      }
      const brackets = keywordCalls.has(name) && pieces.length === 0 ? "()" : `(${texts.join(", ")})`;
      if (!columns || !asColumns || signature.args.some((spec) => spec.constant))
        return `select ${prefix}${name}${brackets}`;
      const values: string[] = [];
      const call = pieces.map((piece) => {
        const match = /^(\w+ => )?([\s\S]*)$/.exec(piece.text);
        if (!piece.type || match?.[1]) return piece.text;
        values.push(`${piece.text} as c${values.length}`);
        return `c${values.length - 1}`;
      });
      return values.length === 0
        ? `select ${prefix}${name}(${call.join(", ")})`
        : `select ${prefix}${name}(${call.join(", ")}) from (select ${values.join(", ")})`;
    });
  }
  return overRows(entry, name, signature, pieces);
}

/** An aggregate or analytic call over a few rows of its first argument's type; the other arguments as they are. */
function overRows(
  entry: FunctionEntry,
  name: string,
  signature: Signature,
  pieces: readonly Piece[],
): fc.Arbitrary<string> {
  const columns = pieces.flatMap((piece, i) => (piece.type && !signature.args[i]?.constant && i < 2 ? [i] : []));
  const rowCount = fc.constantFrom(0, 1, 2, 5, 8);
  const options = entry.aggregate ?? {};
  return rowCount.chain((count) =>
    fc
      .tuple(
        fc.array(
          fc.tuple(...columns.map((i) => literalOf(pieces[i]!.type!, { strings: stringsFor(entry, i), nullOneIn: 5 }))),
          {
            minLength: count,
            maxLength: count,
          },
        ),
        fc.array(fc.integer({ min: 0, max: 2 }), { minLength: count, maxLength: count }),
        fc.record({
          distinct: fc.integer({ min: 0, max: 3 }),
          nulls: fc.integer({ min: 0, max: 5 }),
          order: fc.integer({ min: 0, max: 2 }),
          over: fc.integer({ min: 0, max: 5 }),
          grouped: fc.boolean(),
        }),
      )
      .map(([rows, keys, choice]) => {
        const inner = pieces.map((piece, i) => (columns.includes(i) ? `c${i}` : piece.text)).join(", ");
        const distinct = options.distinct && choice.distinct === 0 ? "distinct " : "";
        const nulls =
          options.nulls && choice.nulls < 2 ? (choice.nulls === 0 ? " ignore nulls" : " respect nulls") : "";
        const required = options.over === "required";
        const isOver = required || (options.over !== "never" && choice.over === 0 && distinct === "");
        // Within the call the order is by the row's number, so that there is one right answer.
        const within =
          !isOver && options.orderBy && distinct === ""
            ? " order by n"
            : distinct && options.orderBy
              ? " order by c0"
              : "";
        const limit = !isOver && options.limit && choice.order === 0 ? " limit 2" : "";
        const call = `${name}(${distinct}${inner}${nulls}${within}${limit})`;
        const ordered = options.windowOrder === "required" || (options.windowOrder !== "never" && choice.order > 0);
        const frame =
          options.windowFrame && ordered && choice.order === 2 ? " rows between 1 preceding and current row" : "";
        const over = isOver
          ? ` over (${choice.grouped ? "partition by k" : ""}${ordered ? " order by n" : ""}${frame})`
          : "";
        const list = rows.map(
          (values, i) =>
            `select ${[`${i} as n`, `${keys[i]} as k`, ...values.map((value, j) => `${castTo(value, pieces[columns[j]!]!.type!)} as c${columns[j]}`)].join(", ")}`,
        );
        const types = columns.map((i) => `cast(null as ${typeText(pieces[i]!.type!)}) as c${i}`);
        const source =
          list.length > 0
            ? list.join(" union all ")
            : `select ${["0 as n", "0 as k", ...types].join(", ")} from unnest([1]) where false`;
        if (isOver) return `select n, ${call}${over} from (${source})`;
        return choice.grouped ? `select k, ${call} from (${source}) group by k` : `select ${call} from (${source})`;
      }),
  );
}

import { typeName } from "../types.ts";

const typeText = (type: GoogleSqlType): string => typeName(type);
/** An untyped NULL in the first row of a UNION ALL would be an INT64. */
const castTo = (value: string, type: GoogleSqlType): string =>
  value === "null" ? `cast(null as ${typeName(type)})` : value;

/** ARRAY_FIND, ARRAY_FIND_ALL, ARRAY_OFFSET and ARRAY_OFFSETS: elements and their places, by value or by a condition. */
import type { GoogleSqlType } from "../types.ts";
import { arrayOf, INT64, supportsEquality } from "../types.ts";
import type { Argument, ArgumentSpec, EmitContext, FunctionLibrary, Signature } from "./contract.ts";
import { bind, isNullLiteral, literalText, scalar } from "./signature.ts";

const elementOf = (type: GoogleSqlType): GoogleSqlType => (type.kind === "ARRAY" ? type.element : type);

const list: ArgumentSpec = { type: "ARRAY<T1>" };
const byValue: ArgumentSpec = { type: "T1" };
const byCondition: ArgumentSpec = { type: "ANY", lambda: { args: ["T1"], result: "BOOL" } };
const mode: ArgumentSpec = { type: "STRING", name: "mode", optional: true };

/** The places, counted from 1, of the elements that fit. */
function places(array: string, wanted: Argument, ctx: EmitContext): string {
  const i = ctx.fresh("i");
  if (wanted.lambda) {
    const x = wanted.lambda.params[0]!;
    const test = `list_transform([${array}[${i}]], lambda ${x}: ${wanted.lambda.body})[1]`;
    return `list_filter(range(1, len(${array}) + 1), lambda ${i}: coalesce(${test}, false))`;
  }
  const same =
    wanted.type.kind === "FLOAT64"
      ? `(${array}[${i}] = ${wanted.sql} and not isnan(${wanted.sql}))`
      : `(${array}[${i}] = ${wanted.sql})`;
  return `list_filter(range(1, len(${array}) + 1), lambda ${i}: coalesce(${same}, false))`;
}

function signatures(name: string, isOffset: boolean, isAll: boolean): Signature[] {
  return [byCondition, byValue].map(
    (wanted): Signature => ({
      args: isAll ? [list, wanted] : [list, wanted, mode],
      result: ([array]) => {
        const one = isOffset ? INT64 : elementOf(array!.type);
        return isAll ? arrayOf(one) : one;
      },
      emit: ([array, sought, how], ctx) => {
        const which = how === undefined ? "FIRST" : (literalText(how) ?? "");
        if (how && which === "" && !isNullLiteral(how)) return ctx.refuse(`${name} with a mode that is not a literal`);
        if (!sought!.lambda) {
          if (!supportsEquality(sought!.type)) return ctx.error(`${name} needs elements that can be compared`);
          if (["STRUCT", "ARRAY", "RANGE"].includes(sought!.type.kind))
            return ctx.refuse(`${name} of such elements by value`);
        }
        if (!isAll && !isNullLiteral(how) && which !== "FIRST" && which !== "LAST")
          return ctx.error(`Invalid ${name} mode: ${which}`);
        return bind(ctx, sought!.lambda ? [array!.sql] : [array!.sql, sought!.sql], (a, value) => {
          const found = places(a!, value === undefined ? sought! : { ...sought!, sql: value }, ctx);
          const [at, i] = [ctx.fresh("p"), ctx.fresh("i")];
          const empty = [`${a} is null`, ...(value === undefined ? [] : [`${value} is null`])];
          if (how && !isAll) empty.push(`${how.sql} is null`);
          const result = isAll
            ? `list_transform(${found}, lambda ${i}: ${isOffset ? `${i} - 1` : `${a}[${i}]`})`
            : `list_transform([(${found})[${which === "LAST" ? -1 : 1}]], lambda ${at}: ${isOffset ? `${at} - 1` : `${a}[${at}]`})[1]`;
          return `case when ${empty.join(" or ")} then null else ${result} end`;
        });
      },
    }),
  );
}

export const arrayFind: FunctionLibrary = {
  functions: [
    scalar("array", "ARRAY_FIND", signatures("ARRAY_FIND", false, false)),
    scalar("array", "ARRAY_FIND_ALL", signatures("ARRAY_FIND_ALL", false, true)),
    scalar("array", "ARRAY_OFFSET", signatures("ARRAY_OFFSET", true, false)),
    scalar("array", "ARRAY_OFFSETS", signatures("ARRAY_OFFSETS", true, true)),
  ],
};

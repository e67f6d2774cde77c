import { castable, castText } from "../emit/cast.ts";
import { letBind } from "../emit/let.ts";
import { type GoogleSqlType, STRING, structFieldName } from "../types.ts";
import type { EmitContext, JsFunction } from "./contract.ts";
import { type Json, readJson } from "./json-tree.ts";
import { foldCase } from "./string-js.ts";

const folded = (sql: string): string => `gs_casefold(${sql}, 'NFKC')`;

/**
 * CONTAINS_SUBSTR over a value of any type: whether it or one of its parts has the text, without regard to case. Of parts that are
 * NULL nobody knows, so that without a match the answer is NULL.
 */
export function containsSubstr(
  sql: string,
  type: GoogleSqlType,
  wanted: string,
  scope: string,
  ctx: EmitContext,
): string {
  switch (type.kind) {
    case "JSON":
      return `gs_json_contains_substr(${sql}, ${folded(wanted)}, ${scope})`;
    case "STRUCT":
      return letBind([{ sql }], ctx.fresh, ([value]) => {
        const parts = type.fields.map((field, i) =>
          containsSubstr(`${value}.${structFieldName(i)}`, field.type, wanted, scope, ctx),
        );
        return `(CASE WHEN ${value} IS NOT NULL THEN ${parts.length === 0 ? "false" : parts.map((part) => `(${part})`).join(" OR ")} END)`;
      });
    case "ARRAY": {
      const element = ctx.fresh("e");
      const each = `list_transform(${sql}, lambda ${element}: ${containsSubstr(element, type.element, wanted, scope, ctx)})`;
      return letBind(
        [{ sql: each }],
        ctx.fresh,
        ([list]) =>
          `(CASE WHEN list_contains(${list}, true) THEN true WHEN len(${list}) = list_count(${list}) THEN false END)`,
      );
    }
    default:
      if (type.kind === "BYTES" || !castable(type, STRING)) return ctx.refuse(`CONTAINS_SUBSTR over ${type.kind}`);
      return `contains(${folded(castText(sql, type, STRING, ctx.fresh))}, ${folded(wanted)})`;
  }
}

/** `JSON_VALUES` (the default) looks at the values, `JSON_KEYS` at the names, `JSON_KEYS_AND_VALUES` at both. */
export const jsonContainsSubstr: JsFunction = {
  name: "gs_json_contains_substr",
  args: ["VARCHAR", "VARCHAR", "VARCHAR"],
  result: "BOOLEAN",
  run: (text, wanted, scope) => {
    if (!["JSON_VALUES", "JSON_KEYS", "JSON_KEYS_AND_VALUES"].includes(scope as string))
      throw new Error(`Invalid json_scope of CONTAINS_SUBSTR: ${String(scope)}`);
    const has = (one: string): boolean => foldCase(one, "NFKC").includes(wanted as string);
    const inKeys = scope !== "JSON_VALUES";
    const inValues = scope !== "JSON_KEYS";
    const look = (value: Json): boolean => {
      switch (value.kind) {
        case "array":
          return value.items.some(look);
        case "object":
          return value.members.some(([key, one]) => (inKeys && has(key)) || look(one));
        case "string":
          return inValues && has(value.value);
        case "number":
          return inValues && has(value.text);
        case "bool":
          return inValues && has(String(value.value));
        case "null":
          return false;
      }
    };
    return look(readJson(text as string));
  },
};

/** DuckDB texts that print a value of any type as JSON, type by type, as TO_JSON_STRING and TO_JSON do. */
import { stringText } from "../emit/text.ts";
import { duckdbType, type GoogleSqlType, structFieldName } from "../types.ts";
import type { EmitContext } from "./contract.ts";
import { quoteJson } from "./json-tree.ts";
import { bind } from "./signature.ts";

/** "string": TO_JSON_STRING; "json": TO_JSON; "wide": TO_JSON with stringify_wide_numbers; "build": JSON_ARRAY, JSON_OBJECT. */
export type JsonMode = "string" | "json" | "wide" | "build";

const quoted = (sql: string): string => `'"' || ${sql} || '"'`;

/** NULL gives the text `null`. */
export function jsonText(sql: string, type: GoogleSqlType, mode: JsonMode, ctx: EmitContext): string {
  return `coalesce(${present(sql, type, mode, ctx)}, 'null')`;
}

function present(sql: string, type: GoogleSqlType, mode: JsonMode, ctx: EmitContext): string {
  switch (type.kind) {
    case "BOOL":
      return `cast(${sql} as varchar)`;
    case "INT64":
      return mode === "json" || mode === "build"
        ? `cast(${sql} as varchar)`
        : bind(
            ctx,
            [sql],
            (v) =>
              `case when ${v} between -9007199254740992 and 9007199254740992 then cast(${v} as varchar) else ${quoted(`cast(${v} as varchar)`)} end`,
          );
    case "FLOAT64":
      return mode === "string" ? `gs_json_float_text(${sql})` : `gs_json_float(${sql})`;
    case "NUMERIC":
      return `gs_json_decimal(gs_numeric_text(${sql}), '${mode}')`;
    case "BIGNUMERIC":
      return `gs_json_decimal(${sql}, '${mode}')`;
    case "STRING":
      return `gs_json_quote(${sql}, ${mode === "string"})`;
    case "BYTES":
      return quoted(`to_base64(${sql})`);
    case "DATE":
      return quoted(`strftime(${sql}, '%Y-%m-%d')`);
    case "TIME":
      return quoted(bind(ctx, [sql], (v) => `gs_time_text(${v})`));
    case "DATETIME":
      return quoted(`replace(${bind(ctx, [sql], (v) => `gs_datetime_text(${v})`)}, ' ', 'T')`);
    case "TIMESTAMP":
      return quoted(
        `replace(${bind(ctx, [`(${sql} at time zone 'UTC')`], (v) => `gs_datetime_text(${v})`)}, ' ', 'T') || 'Z'`,
      );
    case "JSON":
      return `cast(${sql} as varchar)`;
    case "ARRAY": {
      const element = ctx.fresh("e");
      return bind(
        ctx,
        [sql],
        (v) =>
          `case when ${v} is not null then '[' || coalesce(array_to_string(list_transform(${v}, lambda ${element}: ${jsonText(element, type.element, mode, ctx)}), ','), '') || ']' end`,
      );
    }
    case "STRUCT":
      return bind(ctx, [sql], (v) => {
        const fields = type.fields.map(
          (field, i) =>
            `${stringText(`${quoteJson(field.name ?? "", true)}:`)} || ${jsonText(`${v}.${structFieldName(i)}`, field.type, mode, ctx)}`,
        );
        const body = fields.length === 0 ? "'{}'" : `'{' || ${fields.join(" || ',' || ")} || '}'`;
        return `case when ${v} is not null then ${body} end`;
      });
    default:
      return ctx.refuse(`JSON of ${type.kind} (${duckdbType(type)})`);
  }
}

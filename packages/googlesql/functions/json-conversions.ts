/** INT64_ARRAY(json) and its kin: a JSON array to an array of GoogleSQL values, strictly or laxly. */
import type { FunctionEntry, FunctionLibrary } from "./contract.ts";
import { printJson, readJson } from "./json-tree.ts";
import { scalar, sig } from "./signature.ts";

const group = "json";

/** The elements of the array in `json` through `element`. */
const each = (items: string, json: string, element: (x: string) => string): string =>
  `list_transform(${items}(${json}), lambda gs_x: ${element("gs_x")})`;

function conversions(name: string, result: string, strict: string, lax: string, isWide = false): FunctionEntry[] {
  const mode = (m: string | undefined): string => m ?? "'round'";
  return [
    scalar(
      group,
      `${name}_ARRAY`,
      isWide
        ? [
            sig("JSON, wide_number_mode==>STRING?", `ARRAY<${result}>`, (j, m) =>
              each("gs_json_items", j!, (x) => `${strict}(${x}, ${mode(m)})`),
            ),
          ]
        : [sig("JSON", `ARRAY<${result}>`, (j) => each("gs_json_items", j!, (x) => `${strict}(${x})`))],
    ),
    scalar(
      group,
      `LAX_${name}_ARRAY`,
      [sig("JSON", `ARRAY<${result}>`, (j) => each("gs_lax_items", j!, (x) => `${lax}(${x})`))],
      { cannotFail: true },
    ),
  ];
}

const items = (text: string): string[] | undefined => {
  const value = readJson(text);
  return value.kind === "array" ? value.items.map((item) => printJson(item, true)) : undefined;
};

export const jsonConversions: FunctionLibrary = {
  functions: [
    ...conversions("INT64", "INT64", "gs_json_int64", "gs_lax_int64"),
    ...conversions("BOOL", "BOOL", "gs_json_bool", "gs_lax_bool"),
    ...conversions("STRING", "STRING", "gs_json_string", "gs_lax_string"),
    ...conversions("FLOAT64", "FLOAT64", "gs_json_float64", "gs_lax_float64", true),
    ...conversions("DOUBLE", "FLOAT64", "gs_json_float64", "gs_lax_float64", true),
    scalar(group, "DOUBLE", [
      sig("JSON, wide_number_mode==>STRING?", "FLOAT64", (j, m) => `gs_json_float64(${j}, ${m ?? "'round'"})`),
    ]),
    scalar(group, "LAX_DOUBLE", [sig("JSON", "FLOAT64", (j) => `gs_lax_float64(${j})`)], { cannotFail: true }),
  ],
  js: [
    {
      name: "gs_json_items",
      args: ["VARCHAR"],
      result: "VARCHAR[]",
      run: (text) => {
        const found = items(text as string);
        if (!found) throw new Error("The provided JSON input is not an array");
        return found;
      },
    },
    { name: "gs_lax_items", args: ["VARCHAR"], result: "VARCHAR[]", run: (text) => items(text as string) ?? null },
  ],
};

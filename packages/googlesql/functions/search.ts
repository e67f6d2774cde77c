import { letBind } from "../emit/let.ts";
import { type GoogleSqlType, structFieldName } from "../types.ts";
import type { EmitContext, FunctionLibrary, JsValue } from "./contract.ts";
import { type Json, readJson } from "./json-tree.ts";
import { type SearchQuery, searchQuery } from "./search/search-query.ts";
import { type TextAnalyzer, textAnalyzer } from "./search/text-analyzer.ts";
import { refuseAll, scalar, sigOf } from "./signature.ts";

/** A text to search in: `s` and a string, or `n` and a number or truth of a JSON value. */
const marked = (sql: string): string => `('s' || ${sql})`;

/** DuckDB SQL of the list of all texts in a value, NULL where one is missing; undefined for a type that has none. */
function textsIn(sql: string, type: GoogleSqlType, scope: string, ctx: EmitContext): string | undefined {
  switch (type.kind) {
    case "STRING":
      return `[${marked(sql)}]`;
    case "JSON":
      return `coalesce(gs_search_json(${sql}, ${scope}), [null])`;
    case "ARRAY": {
      const { element } = type;
      const item = ctx.fresh("e");
      if (element.kind === "STRING") return `coalesce(list_transform(${sql}, lambda ${item}: ${marked(item)}), [null])`;
      if (element.kind === "JSON") return ctx.refuse("SEARCH over ARRAY<JSON>");
      const texts = element.kind === "STRUCT" ? textsIn(item, element, scope, ctx) : undefined;
      return texts && `coalesce(flatten(list_transform(${sql}, lambda ${item}: ${texts})), [null])`;
    }
    case "STRUCT": {
      const texts = (value: string): readonly string[] =>
        type.fields.flatMap((field, i) => textsIn(`${value}.${structFieldName(i)}`, field.type, scope, ctx) ?? []);
      if (texts("x").length === 0) return undefined;
      return letBind([{ sql }], ctx.fresh, ([value]) => `flatten([${texts(value!).join(", ")}])`);
    }
    default:
      return undefined;
  }
}

function jsonTexts(text: JsValue, scope: JsValue): readonly string[] {
  if (!["JSON_VALUES", "JSON_KEYS", "JSON_KEYS_AND_VALUES"].includes(scope as string))
    throw new Error(`Invalid json_scope of SEARCH: ${String(scope)}`);
  const found: string[] = [];
  const look = (value: Json): void => {
    if (value.kind === "array") value.items.forEach(look);
    else if (value.kind === "object") {
      for (const [key, member] of value.members) {
        if (scope !== "JSON_VALUES") found.push(`s${key}`);
        look(member);
      }
    } else if (scope === "JSON_KEYS" || value.kind === "null") return;
    else if (value.kind === "string") found.push(`s${value.value}`);
    else found.push(`n${value.kind === "number" ? value.text : value.value}`);
  };
  look(readJson(text as string));
  return found;
}

const known = new Map<string, unknown>();

/** What was made of the same texts before. */
function remembered<T>(key: readonly unknown[], make: () => T): T {
  const text = JSON.stringify(key);
  const before = known.get(text) as T | undefined;
  if (before !== undefined) return before;
  const value = make();
  if (known.size >= 200) known.clear();
  known.set(text, value);
  return value;
}

const analyzerOf = (name: JsValue, options: JsValue): TextAnalyzer =>
  remembered([name, options], () => textAnalyzer(String(name), options as string | null));

function search(texts: JsValue, query: JsValue, name: JsValue, options: JsValue): boolean | null {
  const analyzer = analyzerOf(name, options);
  const has: SearchQuery = remembered([name, options, query], () => searchQuery(query as string | null, analyzer));
  let isMissing = false;
  let isUnclear = false;
  for (const text of texts as readonly (string | null)[]) {
    if (text === null) isMissing = true;
    else if (has(text.slice(1))) {
      if (text.startsWith("s")) return true;
      isUnclear = true;
    }
  }
  // Nothing says whether SEARCH sees what is no string in a JSON value.
  if (isUnclear) throw new Error("refused.SEARCH: SEARCH that finds a number or a truth in a JSON value");
  return isMissing ? null : false;
}

const group = "search";
const log = "'LOG_ANALYZER'";
const noOptions = "cast(null as varchar)";

export const searching: FunctionLibrary = {
  functions: [
    scalar(group, "SEARCH", [
      sigOf(
        "ANY, STRING, json_scope==>STRING?, analyzer==>STRING?, analyzer_options==>STRING?",
        "BOOL",
        ([data, query, scope, analyzer, options], ctx) => {
          if (query!.constness === "varying") return ctx.error("The search query of SEARCH must be a constant");
          const texts = textsIn(data!.sql, data!.type, scope?.sql ?? "'JSON_VALUES'", ctx) ?? "cast([] as varchar[])";
          return `gs_search(${texts}, ${query!.sql}, ${analyzer?.sql ?? log}, ${options?.sql ?? noOptions})`;
        },
      ),
    ]),
    scalar(group, "TEXT_ANALYZE", [
      sigOf(
        "STRING, analyzer==>STRING?, analyzer_options==>STRING?",
        "ARRAY<STRING>",
        ([text, analyzer, options]) =>
          `gs_text_analyze(${text!.sql}, ${analyzer?.sql ?? log}, ${options?.sql ?? noOptions})`,
      ),
    ]),
    ...refuseAll(group, "BigQuery's text analysis of whole columns", ["BAG_OF_WORDS", "TF_IDF"]),
  ],
  js: [
    { name: "gs_search_json", args: ["VARCHAR", "VARCHAR"], result: "VARCHAR[]", run: jsonTexts },
    {
      name: "gs_search",
      args: ["VARCHAR[]", "VARCHAR", "VARCHAR", "VARCHAR"],
      result: "BOOLEAN",
      nulls: "own",
      run: search,
    },
    {
      name: "gs_text_analyze",
      args: ["VARCHAR", "VARCHAR", "VARCHAR"],
      result: "VARCHAR[]",
      nulls: "own",
      run: (text, name, options) => (text === null ? null : analyzerOf(name, options).tokens(text as string)),
    },
  ],
};

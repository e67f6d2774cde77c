import type { Field, Type } from "protobufjs";
import { compilerMessages } from "./compiler-process.ts";

/** The compiler's names of what a project's author writes under another. */
const written: readonly (readonly [RegExp, string])[] = [
  [/^actionDescriptor\.columns\.description$/, "a column's description"],
  [/^actionDescriptor\.columns\.displayName$/, "a column's displayName"],
  [/^actionDescriptor\.columns\.(tags|bigqueryPolicyTags)$/, "a column's $1"],
  [/^actionDescriptor\.bigqueryLabels/, "bigquery.labels"],
  [/^actionDescriptor\./, ""],
  [/^target\./, ""],
];

const expressions: Readonly<Record<string, string>> = {
  "bigquery.partitionBy": "text (an SQL expression, as `date(seen_at)`)",
  "bigquery.updatePartitionFilter": "text (an SQL condition)",
};

interface Wrong {
  readonly setting: string;
  readonly value: unknown;
}

/**
 * The first setting of an action that wants text and got something else, in a graph that the compiler could not pack for that reason:
 * it only finds it as it packs its answer, when it knows neither file nor property any more. The kinds of the fields are the
 * compiler's own.
 */
export async function wrongText(
  graph: unknown,
  files: ReadonlyMap<string, string | Uint8Array>,
): Promise<{ readonly message: string; readonly where: string } | undefined> {
  if (!isRecord(graph)) return undefined;
  const kinds = (await compilerMessages()).lookupType("dataform.CompiledGraph").fields;
  for (const [kind, field] of Object.entries(kinds)) {
    const actions = graph[kind];
    const type = field.resolve().resolvedType;
    if (!Array.isArray(actions) || type === null || !("fields" in type)) continue;
    for (const action of actions.filter(isRecord)) {
      const [wrong] = wrongIn(type, action, "");
      if (wrong !== undefined) return say(wrong, String(action["fileName"] ?? ""), files);
    }
  }
  return undefined;
}

function* wrongIn(type: Type, message: Readonly<Record<string, unknown>>, path: string): Generator<Wrong> {
  for (const field of type.fieldsArray) {
    const value = message[field.name];
    const setting = `${path}${field.name}`;
    // What is no setting of the author's repeats one that is.
    if (value === undefined || value === null || /^(canonicalTarget|fileName|parentAction)$/.test(field.name)) continue;
    field.resolve();
    if (field.map) {
      if (!isRecord(value)) yield { setting, value };
      else if (field.type === "string")
        for (const [key, one] of Object.entries(value))
          if (typeof one !== "string") yield { setting: `${setting}.${key}`, value: one };
    } else if (field.repeated) {
      if (!Array.isArray(value)) yield { setting, value };
      else for (const one of value) yield* wrongValue(field, one, setting);
    } else yield* wrongValue(field, value, setting);
  }
}

function* wrongValue(field: Field, value: unknown, setting: string): Generator<Wrong> {
  const type = field.resolvedType;
  if (type === null) {
    if (field.type === "string" && typeof value !== "string") yield { setting, value };
  } else if ("fields" in type && isRecord(value) && !type.fullName.startsWith(".google.")) {
    yield* wrongIn(type as Type, value, `${setting}.`);
  }
}

function say(
  { setting, value }: Wrong,
  file: string,
  files: ReadonlyMap<string, string | Uint8Array>,
): { readonly message: string; readonly where: string } {
  const [pattern, plain] = written.find(([found]) => found.test(setting)) ?? [/^/, ""];
  const shown = setting.replace(pattern, plain);
  const got = Array.isArray(value) ? "a list" : isRecord(value) ? "an object" : `${JSON.stringify(value)}`;
  return {
    message: `${shown} must be ${expressions[shown] ?? "text"}, not ${got}`,
    where: lineOf(setting.slice(setting.lastIndexOf(".") + 1), file, files),
  };
}

/** file:line where a setting is written; the file alone where it comes from elsewhere. */
function lineOf(name: string, file: string, files: ReadonlyMap<string, string | Uint8Array>): string {
  const text = files.get(file);
  if (typeof text !== "string") return file;
  const escaped = name.replace(/[^\w]/g, "\\$&");
  const index = text
    .split("\n")
    .findIndex((line) => new RegExp(`(?<![\\w$])["']?${escaped}["']?\\s*(:|\\()`).test(line));
  return index < 0 ? file : `${file}:${index + 1}`;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

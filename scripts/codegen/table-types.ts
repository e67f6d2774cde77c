import type { DescribedTable } from "./model-reference.ts";

const scalars: Readonly<Record<string, string>> = {
  INT64: "bigint",
  FLOAT64: "number",
  BOOL: "boolean",
  BYTES: "Uint8Array",
};

/** `ARRAY<STRUCT<a INT64, b STRING>>` => `readonly { readonly "a": bigint | null; readonly "b": string | null }[]`, as the Warehouse port decodes it. */
export function tsType(type: string): string {
  const array = /^ARRAY<(.*)>$/s.exec(type);
  if (array?.[1]) return `readonly (${tsType(array[1])})[]`;
  const struct = /^STRUCT<(.*)>$/s.exec(type);
  if (struct?.[1]) {
    const fields = splitFields(struct[1]).map((field) => {
      const [, name = "", inner = "STRING"] = /^(\S+)\s+(.*)$/s.exec(field) ?? [];
      return `readonly ${JSON.stringify(name)}: ${tsType(inner)} | null`;
    });
    return `{ ${fields.join("; ")} }`;
  }
  // NUMERIC, dates, times and JSON cross the port as text.
  return scalars[type.replace(/\(.*\)$/, "")] ?? "string";
}

/** Splits at the commas that stand outside of angle brackets. */
function splitFields(text: string): string[] {
  const fields: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index < text.length; index++) {
    if (text[index] === "<") depth++;
    else if (text[index] === ">") depth--;
    else if (text[index] === "," && depth === 0) {
      fields.push(text.slice(start, index).trim());
      start = index + 1;
    }
  }
  return [...fields, text.slice(start).trim()];
}

/** warehouse/kysely/tables.ts: what `queryBuilder<Tables>` knows. */
export function tableTypes(tables: readonly DescribedTable[]): string {
  const body = tables.map(({ name, columns }) =>
    [
      `  ${JSON.stringify(name)}: {`,
      ...columns.map((column) => `    ${column.name}: ${tsType(column.type)} | null;`),
      "  };",
    ].join("\n"),
  );
  return `// Generated from the compiled Dataform graph by \`npm run codegen\`; not to be edited.

/** Every table of the project, as the Warehouse port decodes its rows. */
export interface Tables {
${body.join("\n")}
}
`;
}

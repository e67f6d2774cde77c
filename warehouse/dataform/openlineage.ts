import type { LineageEdge, LineageGraph } from "./lineage-graph.ts";

/** https://openlineage.io/docs/spec/facets/dataset-facets/column_lineage_facet, version 1-2-0. */
export interface ColumnLineageFacet {
  readonly _producer: string;
  readonly _schemaURL: string;
  readonly fields: Readonly<Record<string, { readonly inputFields: readonly InputField[] }>>;
  /** What decides about the rows, and so about every column. */
  readonly dataset: readonly InputField[];
}

interface InputField {
  readonly namespace: string;
  readonly name: string;
  readonly field: string;
  readonly transformations: readonly { readonly type: "DIRECT" | "INDIRECT"; readonly subtype: string }[];
}

export interface OutputDataset {
  readonly namespace: string;
  readonly name: string;
  readonly facets: { readonly columnLineage: ColumnLineageFacet };
}

const schemaUrl =
  "https://openlineage.io/spec/facets/1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet";
const directSubtypes = new Set(["IDENTITY", "TRANSFORMATION", "AGGREGATION"]);

/**
 * The column lineage facets of tables. Rows of a table as a whole (COUNT(*), a cross join) have no place in the facet, which
 * knows fields only; ROWS and sources named `*` are left to our own JSON.
 */
export function openLineage(
  lineage: LineageGraph,
  tables: readonly string[],
  options: { readonly namespace: string; readonly producer: string },
): readonly OutputDataset[] {
  const wanted = new Set(tables);
  const fields = new Map<string, Map<string, InputField[]>>();
  const rows = new Map<string, InputField[]>();
  for (const edge of lineage.edges) {
    if (!wanted.has(edge.to.table)) continue;
    const input = inputOf(edge, options.namespace);
    if (edge.to.column === "*") {
      if (input) rows.set(edge.to.table, [...(rows.get(edge.to.table) ?? []), input]);
      continue;
    }
    const columns = fields.get(edge.to.table) ?? new Map<string, InputField[]>();
    fields.set(
      edge.to.table,
      columns.set(edge.to.column, [...(columns.get(edge.to.column) ?? []), ...(input ? [input] : [])]),
    );
  }
  return tables.map((name) => ({
    namespace: options.namespace,
    name,
    facets: {
      columnLineage: {
        _producer: options.producer,
        _schemaURL: schemaUrl,
        fields: Object.fromEntries(
          [...(fields.get(name) ?? [])].map(([column, inputFields]) => [column, { inputFields }]),
        ),
        dataset: rows.get(name) ?? [],
      },
    },
  }));
}

function inputOf(edge: LineageEdge, namespace: string): InputField | undefined {
  const transformations = edge.subtypes
    .filter((subtype) => subtype !== "ROWS")
    .map((subtype) => ({ type: directSubtypes.has(subtype) ? ("DIRECT" as const) : ("INDIRECT" as const), subtype }));
  if (edge.from.column === "*" || transformations.length === 0) return undefined;
  return { namespace, name: edge.from.table, field: edge.from.column, transformations };
}

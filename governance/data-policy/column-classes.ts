import { type LineageGraph, type LineageNode, nodeName } from "../../warehouse/dataform/lineage-graph.ts";
import { handsValueOn, statedClasses } from "./classes.ts";
import { type DataClass, type DataPolicy, dataClasses } from "./data-policy.ts";
import { standsForNobody } from "./masks.ts";

export interface ColumnClassesRequest {
  readonly policy: DataPolicy;
  readonly lineage: LineageGraph;
  /** Tables by their id in the lineage, with their columns and GoogleSQL types. */
  readonly tables: readonly {
    readonly id: string;
    readonly columns: readonly { readonly name: string; readonly type: string }[];
  }[];
}

/**
 * The class of each column of some tables, by what its values are made of: the one with which most can be done, and `sensitive` where nobody can tell. The rule of
 * `masksOf` for whole columns: a number of persons stands for none of them.
 */
export function columnClasses({
  policy,
  lineage,
  tables,
}: ColumnClassesRequest): ReadonlyMap<string, ReadonlyMap<string, DataClass>> {
  const { stated, unclassified } = statedClasses(policy, lineage);
  const avoiding = new Set(stated.keys());
  const unknown = lineage.unknownBelow();
  const holds = new Map<DataClass, ReadonlySet<string>>();
  for (const dataClass of dataClasses) {
    const own = [...stated.values()].filter((one) => one.class === dataClass);
    const sources: readonly LineageNode[] = dataClass === "sensitive" ? [...own, ...unclassified] : own;
    holds.set(dataClass, new Set(lineage.reached(sources, { along: handsValueOn, avoiding }).keys()));
  }
  return new Map(
    tables.map(({ id, columns }) => {
      const spelledOut = lineage.tables.get(id)?.columns ?? [];
      const isUnknown = unknown.has(id) || lineage.problems.has(id);
      const classes = columns.map(({ name, type }) => {
        if (isUnknown) return [name, "sensitive"] as const;
        const nodes = [name, ...spelledOut.filter((column) => column.startsWith(`${name}.`))];
        const found = dataClasses.find(
          (dataClass) =>
            !(dataClass === "pseudonym" && standsForNobody(type)) &&
            nodes.some((column) => holds.get(dataClass)?.has(nodeName({ table: id, column }))),
        );
        return [name, found ?? "reference"] as const;
      });
      return [id, new Map(classes)] as const;
    }),
  );
}

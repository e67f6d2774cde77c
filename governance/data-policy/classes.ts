import {
  isAboutValue,
  type LineageEdge,
  type LineageGraph,
  type LineageNode,
  nodeName,
} from "../../warehouse/dataform/lineage-graph.ts";
import { allNodes, matcherOf, matching } from "./column-patterns.ts";
import type { DataClass, DataPolicy } from "./data-policy.ts";

/** A column whose class the policy states: a source, or one that is said to be no longer what it is made of. */
export interface StatedColumn extends LineageNode {
  readonly class: DataClass;
}

export interface StatedClasses {
  readonly stated: ReadonlyMap<string, StatedColumn>;
  /** Columns of sources of which the policy says nothing. */
  readonly unclassified: readonly LineageNode[];
  /** What the policy speaks of and the project does not have, as it stands in the policy. */
  readonly stale: readonly { readonly where: string; readonly name: string }[];
}

/**
 * By which edges a class travels. What names somebody does so where its value is handed on; what describes somebody also where values are chosen by it; what is
 * sensitive even by deciding which rows there are: who is in a segment made by an illness has it.
 */
export const travels: Readonly<Record<DataClass, (edge: LineageEdge) => boolean>> = {
  direct_identifier: handsValueOn,
  pseudonym: handsValueOn,
  sensitive: () => true,
  commercial: isAboutValue,
  behaviour: isAboutValue,
  reference: isAboutValue,
};

/** A count of rows is made of the rows, and hands no value of theirs on. */
export function handsValueOn({ isDirect, from, to }: LineageEdge): boolean {
  return isDirect && from.column !== "*" && to.column !== "*";
}

/** The keys of JSON columns that the policy tells apart, by `schema.table.column`: for lineage. */
export function jsonKeysOf(policy: DataPolicy): (column: string) => readonly string[] | undefined {
  const keys = new Map<string, readonly string[]>();
  for (const [table, columns] of Object.entries(policy.columns))
    for (const [column, stated] of Object.entries(columns))
      if (typeof stated !== "string") keys.set(`${table}.${column}`.toLowerCase(), Object.keys(stated));
  return (column) => keys.get(column.split(".").slice(-3).join(".").toLowerCase());
}

/** What the policy states of the columns that a project has. */
export function statedClasses(policy: DataPolicy, lineage: LineageGraph): StatedClasses {
  const nodes = allNodes(lineage);
  const stated = new Map<string, StatedColumn>();
  const unclassified: LineageNode[] = [];
  const spoken = classesByName(policy);
  const met = new Set<string>();
  for (const node of nodes) {
    if (lineage.tables.get(node.table)?.kind !== "declaration" || node.column === "*") continue;
    const short = `${node.table.split(".").slice(-2).join(".")}.${node.column}`.toLowerCase();
    const found = [...prefixes(short)].find((name) => spoken.has(name));
    if (found === undefined) unclassified.push(node);
    else {
      met.add(found);
      stated.set(nodeName(node), { ...node, class: spoken.get(found)! });
    }
  }
  const stale = [...spoken.keys()].filter((name) => !met.has(name)).map((name) => ({ where: "columns", name }));
  const matched = (where: string, pattern: string): readonly LineageNode[] => {
    const found = matching(nodes, [pattern]);
    // Of a table that could not be followed nobody knows the columns, and that is said already.
    const isUnknown = [...lineage.problems.keys()].some((id) =>
      matcherOf(tableOf(pattern))({ table: id, column: "?" }),
    );
    if (found.length === 0 && !isUnknown) stale.push({ where, name: pattern });
    return found;
  };
  for (const { of, class: dataClass } of policy.derived)
    for (const node of of.flatMap((pattern) => matched("derived", pattern)))
      if (lineage.tables.get(node.table)?.kind !== "declaration")
        stated.set(nodeName(node), { ...node, class: dataClass });
  for (const { name, of, except } of policy.uses)
    for (const pattern of [...of, ...except]) matched(`uses ${name}`, pattern);
  for (const { name, of } of policy.grants) for (const pattern of of) matched(`grants ${name}`, pattern);
  return { stated, unclassified, stale };
}

/** `schema.table.column`, or `schema.table.column.key` of JSON, in lower case but for the key -> class. */
function classesByName(policy: DataPolicy): ReadonlyMap<string, DataClass> {
  const found = new Map<string, DataClass>();
  for (const [table, columns] of Object.entries(policy.columns))
    for (const [column, stated] of Object.entries(columns)) {
      const name = `${table}.${column}`.toLowerCase();
      if (typeof stated === "string") found.set(name, stated);
      else for (const [key, one] of Object.entries(stated)) found.set(`${name}.${key.toLowerCase()}`, one);
    }
  return found;
}

const tableOf = (pattern: string): string => pattern.split(".").slice(0, 2).join(".");

/** `a.b.c.d`, `a.b.c`: a field has the class of its column where it has none of its own. */
function* prefixes(name: string): Iterable<string> {
  const parts = name.split(".");
  for (let length = parts.length; length >= 3; length--) yield parts.slice(0, length).join(".");
}

import { type LineageGraph, type LineageNode, nodeName } from "../../warehouse/dataform/lineage-graph.ts";
import { handsValueOn, statedClasses } from "./classes.ts";
import { writtenName } from "./column-patterns.ts";
import { type DataClass, type DataPolicy, dataClasses } from "./data-policy.ts";

/** How a column of a result is shown: as it is, as a short token that is the same for the same value, as a number of one digit, or not at all. */
export type Mask = "clear" | "token" | "rounded" | "nothing";

/** Classes of which even a filter tells: who is in the result has it. */
const mayNotDecide: readonly DataClass[] = ["direct_identifier", "sensitive"];

const maskOf: Readonly<Record<DataClass, Mask>> = {
  direct_identifier: "nothing",
  sensitive: "nothing",
  pseudonym: "token",
  commercial: "rounded",
  behaviour: "nothing",
  reference: "nothing",
};
const order: readonly Mask[] = ["clear", "rounded", "token", "nothing"];

export interface MaskRequest {
  readonly policy: DataPolicy;
  /** Of the project with the query as a view of its own. */
  readonly lineage: LineageGraph;
  /** The id of that view. */
  readonly result: string;
  /** Classes that the reader may see. */
  readonly sees: readonly DataClass[];
  /** The result's columns, in order, with their GoogleSQL types. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** The GoogleSQL type of a column that the query reads; undefined where nobody knows. */
  readonly typeOf: (node: LineageNode) => string | undefined;
  /** Nothing in the query makes numbers of texts but by counting them. */
  readonly onlyCounts: boolean;
}

export interface Masked {
  readonly columns: readonly { readonly name: string; readonly mask: Mask; readonly class: DataClass | null }[];
  /** Columns that choose, join, group or sort rows and whose class may not even do that, with the class. */
  readonly refused: readonly { readonly column: string; readonly class: DataClass }[];
}

/**
 * How the columns of a query may be shown to somebody who does not see every class, by what they are made of, whatever they are called. A pseudonym may join, filter, group and be
 * counted: that hands no value on. What is sensitive or names somebody may be selected, and then shows nothing; deciding by it is refused.
 */
export function masksOf(request: MaskRequest): Masked {
  const { policy, lineage, result, sees, columns } = request;
  const { stated, unclassified } = statedClasses(policy, lineage);
  const avoiding = new Set(stated.keys());
  const hidden = dataClasses.filter((one) => !sees.includes(one));
  const holds = new Map<DataClass, ReadonlySet<string>>();
  for (const dataClass of hidden) {
    const own = [...stated.values()].filter((one) => one.class === dataClass);
    // What nobody has classified is taken for the worst.
    const sources = dataClass === "sensitive" ? [...own, ...unclassified] : own;
    holds.set(dataClass, new Set(lineage.reached(sources, { along: handsValueOn, avoiding }).keys()));
  }
  const edges = lineage.edges.filter(({ to }) => to.table === result);
  const refused = edges.flatMap((edge) =>
    edge.isDirect
      ? []
      : mayNotDecide
          .filter((dataClass) => holds.get(dataClass)?.has(nodeName(edge.from)))
          .map((dataClass) => ({ column: writtenName(edge.from), class: dataClass })),
  );
  const shown = columns.map(({ name, type }) => {
    const made = edges.filter(
      ({ to, isDirect }) => isDirect && (to.column === name || to.column.startsWith(`${name}.`)),
    );
    let worst: { mask: Mask; class: DataClass | null } = { mask: "clear", class: null };
    for (const dataClass of hidden) {
      const isMade = made.some(
        (edge) =>
          holds.get(dataClass)?.has(nodeName(edge.from)) &&
          !(dataClass === "pseudonym" && isCounted(request, edge.from, type, edge.subtypes)),
      );
      const mask = fitting(maskOf[dataClass], type);
      if (isMade && order.indexOf(mask) > order.indexOf(worst.mask)) worst = { mask, class: dataClass };
    }
    return { name, ...worst };
  });
  return { columns: shown, refused: [...new Map(refused.map((one) => [one.column, one])).values()] };
}

const isNumber = (type: string): boolean => /^(?:INT64|FLOAT64|NUMERIC|BIGNUMERIC)\b/.test(type);
/** A column of such a type holds no pseudonym, whatever it was made of: a number of persons stands for none of them. */
export const standsForNobody = (type: string): boolean =>
  isNumber(type) || /^(?:BOOL|DATE|DATETIME|TIMESTAMP|TIME)\b/.test(type);
const isText = (type: string): boolean => /^(?:STRING|BYTES)\b/.test(type);

/** A mask that a type cannot wear shows nothing. */
function fitting(mask: Mask, type: string): Mask {
  if (mask === "token") return isText(type) ? mask : "nothing";
  return mask === "rounded" && !isNumber(type) ? "nothing" : mask;
}

/** A number of persons stands for none of them: one that a model counted, or the query itself. */
function isCounted(
  { typeOf, onlyCounts }: MaskRequest,
  from: LineageNode,
  type: string,
  subtypes: readonly string[],
): boolean {
  const source = typeOf(from);
  if (source !== undefined && standsForNobody(source)) return true;
  return onlyCounts && isNumber(type) && subtypes.includes("AGGREGATION");
}

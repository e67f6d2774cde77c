import type { NodeBase } from "../ast.ts";
import { arrivalColumn, type CatalogTable, type TableProperties, type UnfilteredTable } from "../catalog.ts";

/** A read of a partitioned table. */
interface Read {
  readonly node: NodeBase;
  readonly path: readonly string[];
  readonly partitionColumn: string;
  /** It is partitioned by the time of arrival, and that is not kept: it was made before it was. */
  readonly isUntimed: boolean;
  /** BigQuery refuses the statement if no filter comes. */
  readonly isRequired: boolean;
  /** Texts that stand for the partition column: where it is read, and of queries around. */
  readonly names: Set<string>;
  isFiltered: boolean;
}

/** A condition as far as it tells which partitions have rows: tests, and what AND and OR make of them. */
export type Predicate =
  | { readonly kind: "all" | "any"; readonly parts: readonly Predicate[] }
  | {
      readonly kind: "test";
      /** The texts of the columns that it names; undefined where it has a query in it, whose rows are not known beforehand. */
      readonly columns: ReadonlySet<string> | undefined;
    };

/** The pseudo columns that a table partitioned by the time of arrival is filtered on. */
const arrivalColumns = ["_PARTITION_LOAD_TIME", "_PARTITIONDATE", "_PARTITIONTIME"];

/**
 * Follows the partition columns of the tables that a statement reads through its subqueries, and notes which tables have a filter on
 * them: a condition all of whose columns are the partition column, joined to others by AND. A filter outside of a subquery counts as
 * far as it could stand inside: not past LIMIT, nor past a window that is not partitioned by the column.
 * https://cloud.google.com/bigquery/docs/querying-partitioned-tables
 */
export class PartitionFilters {
  private readonly reads: Read[] = [];

  get isEmpty(): boolean {
    return this.reads.length === 0;
  }

  /** Whether a table that is read has a column of this name in BigQuery, whose values are not known here. */
  lacksPseudoColumn(name: string): boolean {
    const [load, ...others] = arrivalColumns;
    const key = name.toUpperCase();
    return this.reads.some(
      (read) =>
        read.partitionColumn === arrivalColumn &&
        (key === load || (read.isUntimed && others.some((one) => one === key))),
    );
  }

  /** A table is read; `textOf` gives the text of one of its columns there. */
  read(
    node: NodeBase,
    path: readonly string[],
    table: CatalogTable,
    textOf: (column: string) => readonly string[],
    find: (path: readonly string[]) => CatalogTable | undefined,
  ): void {
    const { properties } = table;
    if (properties?.partitionColumn !== undefined) this.add(node, path, properties, textOf(properties.partitionColumn));
    for (const inner of properties?.unfiltered ?? []) {
      const now = find(inner.path)?.properties;
      if (now?.partitionColumn !== inner.partitionColumn) continue;
      this.add(node, inner.path, now, inner.through.flatMap(textOf));
    }
  }

  private add(node: NodeBase, path: readonly string[], properties: TableProperties, names: readonly string[]): void {
    const partitionColumn = properties.partitionColumn!;
    this.reads.push({
      node,
      path,
      partitionColumn,
      isUntimed: properties.arrivalUnit === undefined,
      isRequired: properties.requiresPartitionFilter === true,
      names: new Set(names),
      isFiltered: false,
    });
  }

  /** The value of one text is that of another, further out. */
  passOn(from: string, to: string): void {
    for (const { names } of this.reads) if (names.has(from)) names.add(to);
  }

  /** No filter further out reaches in through these texts. */
  stopAt(texts: readonly string[]): void {
    for (const { names } of this.reads) for (const text of texts) names.delete(text);
  }

  /** A condition that holds for the rows that are kept; `isHeld` tells of which columns' tables. */
  filter(predicate: Predicate, isHeld: (text: string) => boolean = () => true): void {
    for (const read of this.reads)
      if ([...read.names].some(isHeld) && narrows(predicate, read.names)) read.isFiltered = true;
  }

  /** A read that BigQuery refuses, and why. */
  missing(): { readonly node: NodeBase; readonly message: string } | undefined {
    const read = this.reads.find(({ isRequired, isFiltered }) => isRequired && !isFiltered);
    if (!read) return undefined;
    const columns = read.partitionColumn === arrivalColumn ? arrivalColumns : [read.partitionColumn];
    const message = `Cannot query over table '${read.path.join(".")}' without a filter over column(s) ${columns.map((name) => `'${name}'`).join(", ")} that can be used for partition elimination`;
    return { node: read.node, message };
  }

  /** The reads without a filter, for a view to keep: what its columns, by their texts, are of them. */
  unfiltered(columns: readonly { readonly name: string; readonly sql: string }[]): readonly UnfilteredTable[] {
    return this.reads
      .filter(({ isFiltered }) => !isFiltered)
      .map(({ path, partitionColumn, names }) => ({
        path,
        partitionColumn,
        through: columns.filter(({ sql }) => names.has(sql)).map(({ name }) => name),
      }));
  }
}

function narrows(predicate: Predicate, names: ReadonlySet<string>): boolean {
  switch (predicate.kind) {
    case "all":
      return predicate.parts.some((part) => narrows(part, names));
    case "any":
      return predicate.parts.every((part) => narrows(part, names));
    case "test": {
      const { columns } = predicate;
      return columns !== undefined && columns.size > 0 && [...columns].every((column) => names.has(column));
    }
  }
}

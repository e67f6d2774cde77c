import { type RowSource, sourceText } from "./outer-values.ts";

/**
 * Windows may stand on values that are windows themselves, which DuckDB does not nest: these are computed in queries under the
 * SELECT's. Each table of the FROM clause goes through them as one STRUCT under its alias, so that `t1.c1` stays what it was.
 */
export class WindowSource {
  private readonly levels: readonly Map<string, string>[] = [new Map(), new Map()];

  constructor(
    private readonly table: string,
    private readonly fresh: (prefix: string) => string,
  ) {}

  /** The column of a value: of level 0 over the rows, of level 1 over the rows and what level 0 gives. */
  add(level: 0 | 1, sql: string): string {
    const columns = this.levels[level]!;
    const name = columns.get(sql) ?? this.fresh("p");
    columns.set(sql, name);
    return `${this.table}.${name}`;
  }

  /** The rows with the columns beside them. */
  wrap(source: RowSource): RowSource {
    const [first, second] = this.levels.map((level) => [...level].map(([sql, name]) => `${sql} AS ${name}`));
    if (first!.length === 0) return source;
    const { table } = this;
    const rows = source.tables.map(({ alias, isArray }) =>
      isArray ? `{'c1': ${alias}.c1, 'c2': ${alias}.c2} AS ${alias}` : alias,
    );
    const below = `(SELECT ${[...rows, ...first!].join(", ")}${sourceText(source)}) AS ${table}`;
    const from = second!.length === 0 ? below : `(SELECT *, ${second!.join(", ")} FROM ${below}) AS ${table}`;
    return { from, tables: source.tables };
  }
}

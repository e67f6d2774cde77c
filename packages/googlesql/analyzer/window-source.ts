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

  /** Whether a text stands on such a column already. */
  isNamedIn(sql: string): boolean {
    return new RegExp(`\\b${this.table}\\.`).test(sql);
  }

  /** ` FROM ... WHERE ...` with the columns beside it. */
  wrap(source: string): string {
    const [first, second] = this.levels.map((level) => [...level].map(([sql, name]) => `${sql} AS ${name}`));
    if (first!.length === 0) return source;
    const { table } = this;
    const rows = ` FROM (SELECT ${[...aliasesOf(source), ...first!].join(", ")}${source}) AS ${table}`;
    return second!.length === 0 ? rows : ` FROM (SELECT *, ${second!.join(", ")}${rows}) AS ${table}`;
  }
}

/** The aliases at the top of a FROM clause of ours. */
function aliasesOf(source: string): readonly string[] {
  let top = "";
  let depth = 0;
  for (const [part] of source.matchAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"|[^'"()]+|[()]/g)) {
    if (part === "(") depth++;
    else if (part === ")") depth--;
    else if (depth === 0) top += part;
  }
  return [...top.matchAll(/(WITH ORDINALITY )?\bAS (t\d+)\b/g)].map(([, ordinality, alias]) =>
    // DuckDB does not take this one as a STRUCT by its name.
    ordinality ? `{'c1': ${alias}.c1, 'c2': ${alias}.c2} AS ${alias}` : alias!,
  );
}

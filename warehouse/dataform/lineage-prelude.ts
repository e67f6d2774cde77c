import {
  bitOf,
  type Call,
  constant,
  type Expression,
  expressionValue,
  type Influence,
  isDirect,
  type LineageCatalog,
  type LineageTable,
  type LineageValue,
  pathOf,
  type Query,
  type QueryLineage,
  queryLineage,
  type Shape,
  type Source,
  type Statement,
  subtypesOf,
  total,
  UnsupportedGoogleSql,
  type UserFunction,
  type UserProcedure,
} from "../../packages/googlesql/index.ts";

/** A name without regard to case. */
const key = (...path: readonly string[]): string => path.join(".").toLowerCase();
/** Sources that are tables of the script itself begin with this, which no name can. */
const scratch = "\u0000";

/**
 * What stands before a query: functions, variables and temporary tables that it uses. Tables of the script are followed through to
 * what they are made of; a loop is read as often as it finds something new. Statements that change other tables are refused.
 */
export class Prelude {
  readonly functions = new Map<string, UserFunction>();
  readonly variables = new Map<string, LineageValue>();
  readonly catalog: LineageCatalog;
  private readonly temporary = new Map<string, QueryLineage>();
  private readonly procedures: ReadonlyMap<string, UserProcedure>;
  private readonly calling = new Set<string>();

  /** `functions`, `procedures`: those that the project's actions make. */
  constructor(
    table: LineageCatalog["table"],
    functions: ReadonlyMap<string, UserFunction>,
    procedures: ReadonlyMap<string, UserProcedure>,
  ) {
    this.procedures = procedures;
    this.catalog = {
      table: (path) => this.temporaryTable(path) ?? table(path),
      function: (path) => this.functions.get(key(...path)) ?? functions.get(key(...path.slice(-2))),
    };
  }

  get isEmpty(): boolean {
    return this.functions.size === 0 && this.variables.size === 0 && this.temporary.size === 0;
  }

  /** The lineage of a query that comes after all this. */
  query(query: Query, source: Source, shapes?: readonly Shape[]): QueryLineage {
    const found = queryLineage(query, source, this.catalog, { shapes, variables: this.variables });
    if (this.temporary.size === 0) return found;
    return {
      ...found,
      columns: found.columns.map((column) => ({
        ...column,
        parts: column.parts.map(({ path, from }) => ({ path, from: this.through(from) })),
      })),
      rows: this.through(found.rows),
    };
  }

  add(statement: Statement, source: Source): void {
    switch (statement.kind) {
      case "query-statement":
      case "assert":
        return;
      case "create-procedure":
        return;
      case "call":
        this.call(statement, source, (inner, its) => this.add(inner, its));
        return;
      case "create-function":
        this.functions.set(key(...pathOf(statement.name)), { kind: "sql", definition: statement, source });
        return;
      case "create-table": {
        const path = pathOf(statement.name);
        if (statement.query === undefined || path.length !== 1 || statement.columns !== undefined) break;
        const before = this.temporary.get(key(...path));
        const made = this.query(statement.query, source);
        this.temporary.set(key(...path), before === undefined ? made : united(before, made));
        return;
      }
      case "insert": {
        const name = key(...pathOf(statement.table));
        const before = this.temporary.get(name);
        const names = statement.columns?.map((one) => key(one.name));
        const isWhole = names?.join() === before?.columns.map((column) => key(column.name)).join();
        if (before === undefined || statement.source.kind !== "insert-query" || (names && !isWhole)) break;
        this.temporary.set(name, united(before, this.query(statement.source.query, source)));
        return;
      }
      case "drop":
        if (statement.object === "table" && this.temporary.has(key(...pathOf(statement.name)))) return;
        break;
      case "while":
      case "loop":
        // What a round makes, the next may read: each round adds sources, of which there are only so many.
        for (let before = ""; before !== this.fingerprint(); ) {
          before = this.fingerprint();
          for (const inner of statement.statements) this.add(inner, source);
        }
        return;
      case "declare": {
        const value = statement.default && this.value(statement.default, source);
        for (const { name } of statement.names) this.variables.set(name.toLowerCase(), value ?? constant);
        return;
      }
      case "set-variable": {
        const value: LineageValue = { own: total(this.value(statement.value, source)) };
        for (const target of statement.targets) {
          if (target.kind === "identifier") this.variables.set(target.name.toLowerCase(), value);
        }
        return;
      }
    }
    throw new UnsupportedGoogleSql(statement.kind.replaceAll("-", "_"), "lineage does not follow this statement", {
      source,
      span: statement.span,
    });
  }

  /** Follows a procedure of the project: `step` is given each statement of its body, while its arguments are the variables. */
  call(node: Call, source: Source, step: (statement: Statement, source: Source) => void): void {
    const name = key(...pathOf(node.procedure).slice(-2));
    const found = this.procedures.get(name);
    const { parameters = [], body = [] } = found?.definition ?? {};
    if (found === undefined || this.calling.has(name) || parameters.length !== node.arguments.length)
      throw new UnsupportedGoogleSql("call", "lineage does not follow this call", { source, span: node.span });
    const outer = new Map(this.variables);
    const given = parameters.map((parameter, i): [string, LineageValue] => [
      key(parameter.name.name),
      parameter.mode === "out" ? constant : this.value(node.arguments[i]!, source),
    ]);
    this.variables.clear();
    for (const [parameter, value] of given) this.variables.set(parameter, value);
    this.calling.add(name);
    const back = new Map<string, LineageValue>();
    try {
      for (const statement of body) step(statement, found.source);
      for (const [i, { mode, name: parameter }] of parameters.entries()) {
        const argument = node.arguments[i]!;
        if ((mode === "out" || mode === "inout") && argument.kind === "path")
          back.set(key(argument.parts[0]!.name), this.variables.get(key(parameter.name)) ?? constant);
      }
    } finally {
      this.calling.delete(name);
      this.variables.clear();
      for (const [variable, value] of outer) this.variables.set(variable, value);
      for (const [variable, value] of back) this.variables.set(variable, value);
    }
  }

  private value(node: Expression, source: Source): LineageValue {
    return expressionValue(node, source, this.catalog, this.variables);
  }

  private temporaryTable(path: readonly string[]): LineageTable | undefined {
    const name = key(...path);
    const made = this.temporary.get(name);
    return made && { id: scratch + name, columns: made.columns };
  }

  private fingerprint(): string {
    return JSON.stringify([...this.temporary]);
  }

  /** Sources that are temporary tables, replaced by what those are made of. */
  private through(from: readonly Influence[]): readonly Influence[] {
    const found = new Map<string, { readonly table: string; readonly column: string; mask: number }>();
    const put = (table: string, column: string, mask: number) => {
      const known = found.get(`${table}\t${column}`);
      if (known) known.mask |= mask;
      else found.set(`${table}\t${column}`, { table, column, mask });
    };
    for (const { table, column, subtypes } of from) {
      const outer = maskOf(subtypes);
      const made = table.startsWith(scratch) ? this.temporary.get(table.slice(scratch.length)) : undefined;
      if (made === undefined) put(table, column, outer);
      else if (column === "*") {
        for (const one of made.rows)
          put(one.table, one.column, one.subtypes.includes("ROWS") ? outer : maskOf(one.subtypes));
      } else {
        const own = made.columns.find(({ name }) => key(name) === key(column.split(".")[0]!));
        for (const one of own?.parts.flatMap((part) => part.from) ?? [])
          put(one.table, one.column, composed(outer, maskOf(one.subtypes)));
      }
    }
    return [...found.values()].map(({ table, column, mask }) => ({ table, column, subtypes: subtypesOf(mask) }));
  }
}

const maskOf = (subtypes: Influence["subtypes"]): number =>
  subtypes.reduce((mask, subtype) => mask | bitOf(subtype), 0);

/** How a source takes part in what is made of something that is made of it: directly only where both are direct. */
function composed(outer: number, inner: number): number {
  if (isDirect(outer) && isDirect(inner)) return outer | inner;
  return isDirect(inner) ? outer : inner;
}

/** What a table is made of that was filled by either query; the columns are paired in order. */
function united(first: QueryLineage, second: QueryLineage): QueryLineage {
  const both = (a: readonly Influence[], b: readonly Influence[]): readonly Influence[] => {
    const found = new Map<string, Influence>();
    for (const one of [...a, ...b]) {
      const name = `${one.table}\t${one.column}`;
      const known = found.get(name);
      found.set(name, known ? { ...one, subtypes: subtypesOf(maskOf(known.subtypes) | maskOf(one.subtypes)) } : one);
    }
    return [...found.values()].sort((x, y) => (`${x.table}\t${x.column}` < `${y.table}\t${y.column}` ? -1 : 1));
  };
  return {
    ...first,
    columns: first.columns.map((column, i) => ({
      ...column,
      parts: [
        {
          path: "",
          from: both(
            column.parts.flatMap((part) => part.from),
            (second.columns[i]?.parts ?? []).flatMap((part) => part.from),
          ),
        },
      ],
    })),
    rows: both(first.rows, second.rows),
  };
}

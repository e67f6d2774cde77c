import type { Expression, NodeBase, WindowSpec } from "../ast.ts";
import type { Catalog, SqlFunction } from "../catalog.ts";
import { GoogleSqlAnalysisError, type Source, UnsupportedGoogleSql } from "../errors.ts";
import type { GoogleSqlType } from "../types.ts";
import { PartitionFilters } from "./partition-filters.ts";
import type { PrivateAggregate } from "./private-groups.ts";
import { type Column, Scope } from "./scope.ts";
import type { Typed } from "./typed.ts";
import type { WindowSource } from "./window-source.ts";

/** One named value the caller binds: a query parameter or a script variable. */
export interface BoundValue {
  readonly type: GoogleSqlType;
  /** DuckDB SQL of the value; undefined when only its type is known. */
  readonly sql: string;
}

/** Told of what a name came to: the scope that has it, its value, and the columns that this is made of; none of a local name. */
export type NameListener = (scope: Scope, value: Typed, columns: readonly Column[]) => void;

/** What one translation carries through: where the text came from, what there is, and a source of names. */
export class Analysis {
  source: Source;
  readonly catalog: Catalog;
  readonly parameters: ReadonlyMap<string, Typed>;
  readonly positional: readonly Typed[];
  readonly variables: ReadonlyMap<string, Typed>;
  /** Calls of SQL functions under way, to stop recursion. */
  readonly callStack: string[] = [];
  /** How many bodies of SQL functions were put in place so far. */
  expansions = 0;
  /** The SQL functions of which it is known that their bodies hold a subquery. */
  readonly queryBodies = new Set<SqlFunction["definition"]>();
  /** The text that comes of it is kept, and run when the catalogue may be another: a view. */
  isStored = false;
  /** Strings are compared otherwise than by their bytes somewhere in it. */
  hasCollation = false;
  /** The partitioned tables that are read, and which of them a filter holds to some partitions. */
  readonly partitions = new PartitionFilters();
  private counter = 0;
  private readonly listeners: NameListener[] = [];

  constructor(options: {
    readonly source: Source;
    readonly catalog: Catalog;
    readonly parameters?: ReadonlyMap<string, Typed>;
    readonly positional?: readonly Typed[];
    readonly variables?: ReadonlyMap<string, Typed>;
  }) {
    this.source = options.source;
    this.catalog = options.catalog;
    this.parameters = options.parameters ?? new Map();
    this.positional = options.positional ?? [];
    this.variables = options.variables ?? new Map();
  }

  /** Whether a plain name may be a variable of the script. */
  get hasScriptVariables(): boolean {
    for (const name of this.variables.keys()) if (!name.startsWith("@@")) return true;
    return false;
  }

  readonly fresh = (prefix: string): string => `${prefix}${++this.counter}`;

  /** Does something, and tells the listener of every name that is looked up meanwhile. */
  listening<T>(listener: NameListener, work: () => T): T {
    this.listeners.push(listener);
    try {
      return work();
    } finally {
      this.listeners.pop();
    }
  }

  /** A name has come to something. */
  named(scope: Scope, value: Typed, columns: readonly Column[]): void {
    for (const listener of this.listeners) listener(scope, value, columns);
  }

  fail(node: NodeBase, message: string): never {
    // What is wrong here may be right of collated strings: they are served only where that is known.
    if (this.hasCollation && /\bSTRING\b/.test(message)) this.refuse(node, "collation", message);
    throw new GoogleSqlAnalysisError(message, this.source, node.span);
  }

  /** Fails if a table that must be filtered on its partitions is not. To be asked when the whole statement is resolved. */
  failUnfiltered(): void {
    const missing = this.partitions.missing();
    if (missing) this.fail(missing.node, missing.message);
  }

  refuse(node: NodeBase, what: string, reason = ""): never {
    throw new UnsupportedGoogleSql(what, reason, { source: this.source, span: node.span });
  }
}

/** A common table expression in reach. */
export interface CommonTableInfo {
  readonly name: string;
  /** The DuckDB name of the CTE. */
  readonly sqlName: string;
  readonly columns: readonly {
    readonly name: string | undefined;
    readonly sqlName: string;
    readonly type: GoogleSqlType;
  }[];
  readonly isValueTable: boolean;
  /** Called when a recursive query names itself. */
  readonly onReference?: () => void;
}

export type CommonTables = ReadonlyMap<string, CommonTableInfo>;

/** Takes the aggregates of one SELECT, which become columns of its grouping step. */
export interface AggregateSink {
  /** Where the arguments of aggregates are resolved: the rows before grouping. */
  readonly rows: Context;
  /** Expressions that are grouping keys as they stand. */
  readonly keyNodes: Map<Expression, Typed>;
  /** Kinds of node among the keys that are more than a path. */
  readonly keyKinds: Set<Expression["kind"]>;
  /** Keys by the form of their expression (see `formOf`). */
  readonly forms: Map<string, Typed>;
  /** Keys by the text of the column that they are; `names.ts` asks here. */
  readonly keys: Map<string, Typed>;
  /** Of a SELECT WITH DIFFERENTIAL_PRIVACY: takes its aggregates. */
  readonly privacy?: { add(aggregate: PrivateAggregate): Typed } | undefined;
  /** A condition that rows must pass to be counted at all (PIVOT). */
  readonly filter?: string | undefined;
  add(sql: string, type: GoogleSqlType, isVolatile: boolean): Typed;
  /** A value computed from what `add` gave for the same group: it may name that, and hold a subquery over it. */
  derive(sql: string, type: GoogleSqlType): Typed;
  /** GROUPING(key), for one of `keys` or `forms`. */
  grouping(key: Typed): Typed;
}

/** What an expression may use that stands where no column can be named; `tables` of a WITH clause, where its subqueries may. */
export const withoutColumns = (clause: string, tables: CommonTables = new Map()): Context => ({
  scope: new Scope({}),
  tables,
  clause,
});

/** What an expression may use where it stands. */
export interface Context {
  readonly scope: Scope;
  readonly tables: CommonTables;
  /** For messages: "WHERE clause". */
  readonly clause: string;
  readonly aggregates?: AggregateSink | undefined;
  /** Named windows; undefined where analytic functions are not allowed. */
  readonly windows?: ReadonlyMap<string, WindowSpec> | undefined;
  /** Told of each analytic function that is resolved, with the texts that its window is partitioned by. */
  readonly onWindow?: ((partitionBy: readonly string[]) => void) | undefined;
  /** Takes values that windows stand on and that are windows themselves. */
  readonly windowSource?: WindowSource | undefined;
  /** The value may not be wanted, or its errors are held back: what is computed beforehand must not fail the statement. */
  readonly isLazy?: boolean | undefined;
  /** Where errors are held back: takes the text of a subquery out of the expression, and gives a name for its value. */
  readonly hoist?: ((sql: string) => string) | undefined;
}

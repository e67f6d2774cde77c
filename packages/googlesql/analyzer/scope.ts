import type { GoogleSqlType } from "../types.ts";
import type { Typed } from "./typed.ts";

/** A column that a FROM clause offers. */
export interface Column {
  /** As GoogleSQL shows it; undefined for an anonymous one, which nobody can name. */
  readonly name: string | undefined;
  readonly sql: string;
  readonly type: GoogleSqlType;
  readonly isNeverNull?: boolean | undefined;
}

/** A table alias. */
export interface RangeVariable {
  readonly name: string;
  /** What `alias.*` and `alias.column` see. */
  readonly columns: readonly Column[];
  /** What `alias.column` sees beside these: pseudo columns. */
  readonly hidden?: readonly Column[] | undefined;
  /** Rows are values: what the bare alias means. Without it the alias means a STRUCT of the columns. */
  readonly value: Column | undefined;
}

/** What one FROM clause makes visible, innermost first through `parent`. */
export class Scope {
  readonly parent: Scope | undefined;
  /** The columns of `*`, in order. */
  readonly star: readonly Column[];
  readonly ranges = new Map<string, RangeVariable | "ambiguous">();
  readonly columns = new Map<string, Column | "ambiguous">();
  /** After GROUP BY: turns the text of a grouped expression into the key's column; others are errors. */
  readonly grouped: ReadonlyMap<string, Typed> | undefined;
  /** Names of lambda parameters, variables of WITH expressions and SQL functions' arguments: before columns. */
  readonly locals = new Map<string, Typed>();
  /** The locals are aliases of a SELECT list, which arguments of aggregates cannot see. */
  readonly isAliases: boolean;

  constructor(options: {
    readonly parent?: Scope | undefined;
    readonly star?: readonly Column[];
    readonly ranges?: readonly RangeVariable[];
    /** Columns that can be named without their table; `star` when not given. */
    readonly names?: readonly Column[];
    readonly grouped?: ReadonlyMap<string, Typed> | undefined;
    readonly locals?: Iterable<readonly [string, Typed]>;
    readonly isAliases?: boolean;
  }) {
    this.isAliases = options.isAliases ?? false;
    this.parent = options.parent;
    this.star = options.star ?? [];
    this.grouped = options.grouped;
    for (const range of options.ranges ?? []) {
      const key = range.name.toLowerCase();
      this.ranges.set(key, this.ranges.has(key) ? "ambiguous" : range);
    }
    for (const column of options.names ?? this.star) {
      if (column.name === undefined) continue;
      const key = column.name.toLowerCase();
      const other = this.columns.get(key);
      this.columns.set(
        key,
        other === undefined || (other !== "ambiguous" && other.sql === column.sql) ? column : "ambiguous",
      );
    }
    for (const [name, value] of options.locals ?? []) this.locals.set(name.toLowerCase(), value);
  }

  /** The same names, with the rule of GROUP BY on top. */
  withGroups(grouped: ReadonlyMap<string, Typed>): Scope {
    const scope = new Scope({ parent: this.parent, star: this.star, grouped });
    for (const [key, value] of this.ranges) scope.ranges.set(key, value);
    for (const [key, value] of this.columns) scope.columns.set(key, value);
    for (const [key, value] of this.locals) scope.locals.set(key, value);
    return scope;
  }
}

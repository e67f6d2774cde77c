import { UserError } from "../../errors/user-error.ts";
import type { Subtype } from "../../packages/googlesql/index.ts";

/** A column, a field of one (`address.city`), or `*`: the rows of the table, whatever is in them. */
export interface LineageNode {
  readonly table: string;
  readonly column: string;
}

/** `to` is made of `from` (direct), or `from` only decides about it. */
export interface LineageEdge {
  readonly from: LineageNode;
  readonly to: LineageNode;
  readonly subtypes: readonly Subtype[];
  readonly isDirect: boolean;
}

export interface LineageTableInfo {
  readonly id: string;
  readonly kind: string;
  readonly file: string;
  /** Columns in order, spelled out to the fields that lineage tells apart. */
  readonly columns: readonly string[];
}

/** An action whose lineage is not known, and why. Questions that depend on it are errors. */
export interface LineageProblem {
  readonly id: string;
  readonly code: string;
  readonly message: string;
  readonly where?: string | undefined;
}

export interface TraceOptions {
  /** At most so many edges away. */
  readonly depth?: number | undefined;
  /** Only what values are made of. */
  readonly directOnly?: boolean | undefined;
}

export interface PathOptions {
  /** Edges that count; all when not given. */
  readonly along?: ((edge: LineageEdge) => boolean) | undefined;
  /** Columns, by `nodeName`, that a path may not go through. */
  readonly avoiding?: ReadonlySet<string> | undefined;
}

/** What lies above or below a column. */
export interface LineageTree {
  readonly node: LineageNode;
  /** How it takes part in what it hangs under; absent at the root. */
  readonly edge?: LineageEdge | undefined;
  readonly children: readonly LineageTree[];
  /** It has been spelled out before. */
  readonly isRepeated: boolean;
}

export const nodeName = (node: LineageNode): string => `${node.table}.${node.column}`;

/**
 * Whether an edge decides about a value, not only about whether its row is there: all but the one from the rows of a table to
 * its columns. An aggregate hangs by edges of its own on what decides about the rows that it goes over.
 */
export const isAboutValue = ({ from, to, subtypes }: LineageEdge): boolean =>
  !(from.column === "*" && from.table === to.table && to.column !== "*" && subtypes.every((one) => one === "ROWS"));

/** The columns of a whole compiled graph and what flows between them. */
export class LineageGraph {
  readonly tables: ReadonlyMap<string, LineageTableInfo>;
  readonly problems: ReadonlyMap<string, LineageProblem>;
  readonly edges: readonly LineageEdge[];
  private readonly into = new Map<string, LineageEdge[]>();
  private readonly outOf = new Map<string, LineageEdge[]>();
  private readonly readers: ReadonlyMap<string, readonly string[]>;

  /** `readers`: id -> ids of the actions that read or wait for it. */
  constructor(
    tables: ReadonlyMap<string, LineageTableInfo>,
    edges: readonly LineageEdge[],
    problems: ReadonlyMap<string, LineageProblem>,
    readers: ReadonlyMap<string, readonly string[]>,
  ) {
    this.tables = tables;
    this.edges = edges;
    this.problems = problems;
    this.readers = readers;
    for (const edge of edges) {
      push(this.into, nodeName(edge.to), edge);
      push(this.outOf, nodeName(edge.from), edge);
    }
  }

  /**
   * The nodes that a name means: `schema.table.column` (with all its fields), `schema.table` or `schema.*` (all columns; their rows
   * too with `rows`). A table of the only schema that has it may go without. Throws a UserError for what is not there.
   */
  select(name: string, options: { readonly rows?: boolean } = {}): readonly LineageNode[] {
    const schema = name.endsWith(".*") ? name.slice(0, -1).toLowerCase() : undefined;
    const problem = [...this.problems.values()].find(({ id }) => {
      const lower = id.toLowerCase();
      return `${name.toLowerCase()}.`.startsWith(`${lower}.`) || (schema !== undefined && lower.startsWith(schema));
    });
    if (problem) throw unknownLineage(problem);
    const found = this.find(name.toLowerCase(), options.rows === true);
    if (found.length > 0) return found;
    const table = [...this.tables.values()].find((one) => name.toLowerCase().startsWith(`${one.id.toLowerCase()}.`));
    throw new UserError(`there is no column "${name}"${table ? `; ${table.id} has ${table.columns.join(", ")}` : ""}`, {
      code: "lineage.no-such-column",
      exit: "usage",
      next: "inboxloop lineage <schema.table.column>",
    });
  }

  /** Whether a name means anything here, be it a table whose lineage is not known. */
  has(name: string): boolean {
    const lower = name.toLowerCase();
    const schema = lower.endsWith(".*") ? lower.slice(0, -1) : `${lower}.`;
    const isProblem = (id: string): boolean => `${lower}.`.startsWith(`${id}.`) || `${id}.`.startsWith(schema);
    return this.find(lower, true).length > 0 || [...this.problems.keys()].some((id) => isProblem(id.toLowerCase()));
  }

  private find(name: string, rows: boolean): LineageNode[] {
    const found: LineageNode[] = [];
    for (const table of this.tables.values()) {
      const id = table.id.toLowerCase();
      const short = id.slice(id.lastIndexOf(".") + 1);
      const isNamed = name === id || (name === short && this.isOnly(short));
      const isWhole = isNamed || name === `${id.slice(0, id.length - short.length)}*`;
      const rest = name.startsWith(`${id}.`)
        ? name.slice(id.length + 1)
        : name.startsWith(`${short}.`) && this.isOnly(short)
          ? name.slice(short.length + 1)
          : undefined;
      const all = rows ? [...table.columns, "*"] : table.columns;
      if (rest === "*") found.push({ table: table.id, column: "*" });
      for (const column of all) {
        const lower = column.toLowerCase();
        if (isWhole || (rest !== undefined && rest !== "*" && (lower === rest || lower.startsWith(`${rest}.`))))
          found.push({ table: table.id, column });
      }
    }
    return found;
  }

  private isOnly(short: string): boolean {
    return [...this.tables.keys()].filter((id) => id.toLowerCase().endsWith(`.${short}`)).length === 1;
  }

  /** What a column is made of and what decides about it, as far back as it goes. */
  upstream(node: LineageNode, options: TraceOptions = {}): LineageTree {
    return this.trace(node, options, (at) => this.above(at));
  }

  /** Where a column goes. */
  downstream(node: LineageNode, options: TraceOptions = {}): LineageTree {
    return this.trace(node, options, (at) => this.below(at));
  }

  /**
   * For each of `from` that reaches any of `to`, one shortest path, from first to last. Throws when an action whose lineage is not
   * known lies in between, since then nobody can tell.
   */
  paths(
    from: readonly LineageNode[],
    to: readonly LineageNode[],
    options: PathOptions = {},
  ): readonly (readonly LineageEdge[])[] {
    const wanted = new Set(from.map(nodeName));
    const next = new Map<string, LineageEdge | undefined>(to.map((node) => [nodeName(node), undefined]));
    const found: (readonly LineageEdge[])[] = [];
    let ring: readonly LineageNode[] = to;
    while (ring.length > 0) {
      const further: LineageNode[] = [];
      for (const node of ring) {
        for (const edge of this.above(node)) {
          const name = nodeName(edge.from);
          if (next.has(name) || options.along?.(edge) === false || options.avoiding?.has(name)) continue;
          next.set(name, edge);
          further.push(edge.from);
          if (wanted.has(name)) found.push(chain(next, name));
        }
      }
      ring = further;
    }
    return found;
  }

  /**
   * Everything that is made of any of `from`, by `nodeName`, with the last edge of a shortest way to it; those of `from` themselves
   * have none. Actions whose lineage is not known give nothing: `unknownBelow` names them.
   */
  reached(from: readonly LineageNode[], options: PathOptions = {}): ReadonlyMap<string, LineageEdge | undefined> {
    const found = new Map<string, LineageEdge | undefined>(from.map((node) => [nodeName(node), undefined]));
    let ring: readonly string[] = [...found.keys()];
    while (ring.length > 0) {
      const further: string[] = [];
      for (const name of ring) {
        for (const edge of this.outOf.get(name) ?? []) {
          const to = nodeName(edge.to);
          if (found.has(to) || options.along?.(edge) === false || options.avoiding?.has(to)) continue;
          found.set(to, edge);
          further.push(to);
        }
      }
      ring = further;
    }
    return found;
  }

  /** Actions whose lineage is not known, and all that read them, each with the problem that it comes from. */
  unknownBelow(): ReadonlyMap<string, LineageProblem> {
    const found = new Map<string, LineageProblem>(this.problems);
    for (const [id, problem] of found)
      for (const reader of this.readers.get(id) ?? []) if (!found.has(reader)) found.set(reader, problem);
    return found;
  }

  private above(node: LineageNode): readonly LineageEdge[] {
    const problem = this.problems.get(node.table);
    if (problem) throw unknownLineage(problem);
    return this.into.get(nodeName(node)) ?? [];
  }

  private below(node: LineageNode): readonly LineageEdge[] {
    for (const reader of this.readers.get(node.table) ?? []) {
      const problem = this.problems.get(reader);
      if (problem) throw unknownLineage(problem);
    }
    return this.outOf.get(nodeName(node)) ?? [];
  }

  private trace(
    root: LineageNode,
    options: TraceOptions,
    edgesOf: (node: LineageNode) => readonly LineageEdge[],
  ): LineageTree {
    // Depth at which a node has been spelled out: again only where more of it would show.
    const seen = new Map<string, number>();
    const limit = options.depth ?? Number.POSITIVE_INFINITY;
    const visit = (node: LineageNode, edge: LineageEdge | undefined, depth: number): LineageTree => {
      const name = nodeName(node);
      const edges = edgesOf(node).filter((one) => options.directOnly !== true || one.isDirect);
      const before = seen.get(name);
      const isRepeated =
        edges.length > 0 && before !== undefined && (before <= depth || limit === Number.POSITIVE_INFINITY);
      const goesOn = !isRepeated && depth < limit;
      if (goesOn) seen.set(name, depth);
      const children = goesOn
        ? edges.map((one) => visit(one.to === node || nodeName(one.to) === name ? one.from : one.to, one, depth + 1))
        : [];
      return { node, edge, children, isRepeated };
    };
    return visit(root, undefined, 0);
  }
}

function chain(next: ReadonlyMap<string, LineageEdge | undefined>, first: string): readonly LineageEdge[] {
  const path: LineageEdge[] = [];
  for (let edge = next.get(first); edge; edge = next.get(nodeName(edge.to))) path.push(edge);
  return path;
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

const unknownLineage = (problem: LineageProblem): UserError =>
  new UserError(`the lineage of ${problem.id} is not known: ${problem.message}`, {
    code: "lineage.unknown",
    exit: "check",
    where: problem.where,
  });

import {
  GoogleSqlAnalysisError,
  type Node,
  type PathExpression,
  pathOf,
  type Query,
  type Select,
  type TableExpression,
  walk,
} from "../../packages/googlesql/index.ts";
import type { DraftTable, Guess } from "./draft-table.ts";

type Leaf = Exclude<TableExpression, { kind: "join" | "pivot-table" | "unpivot-table" | "sampled-table" }>;

/** Mends the drafts by what the analyzer misses or does not take. */
export class Repair {
  constructor(
    private readonly drafts: ReadonlyMap<string, DraftTable>,
    private readonly idAt: (path: readonly string[]) => string | undefined,
    /** The query of another action that is a table or view. */
    private readonly queryOf: (id: string) => Query | undefined,
  ) {}

  /** Whether something was changed that the error asks for; `analyze` is what failed. */
  mend(query: Query, error: GoogleSqlAnalysisError, analyze: () => unknown): boolean {
    const { message, place } = error;
    if (!place) return false;
    const at = place.span;
    const inside = new Inside(query, at.start);
    const unknown = /^Unrecognized name: ([^;]+)/.exec(message)?.[1];
    if (unknown !== undefined) return this.addName(inside, nameAt(inside, unknown));
    const [, field, alias] = /^Name (.+) not found inside (.+)$/.exec(message) ?? [];
    if (field !== undefined)
      return this.add(
        inside.leaves().filter((leaf) => named(leaf, alias!)),
        inside,
        field,
      );
    const [, column, side] = /^Column (.+) in USING clause not found on (left|right) side/.exec(message) ?? [];
    if (column !== undefined) {
      const join = inside.nodes.findLast((node) => node.kind === "join");
      if (join?.kind !== "join") return false;
      return this.add(leavesOf(side === "left" ? join.left : join.right), inside, column);
    }
    const [, part] =
      /^(?:Cannot access field|Field name) (\S+) (?:on a value|does not exist in STRUCT)/.exec(message) ?? [];
    if (part !== undefined) return this.addField(inside, part, at.start);
    if (message.startsWith("Values referenced in UNNEST must be arrays")) {
      const array = inside.nodes.findLast((node) => node.kind === "path" || node.kind === "table-reference");
      const parts = array?.kind === "path" ? array.parts : array?.kind === "table-reference" ? array.name.parts : [];
      const guess = this.guessAt(
        inside,
        parts.map(({ name }) => name),
      );
      if (!guess || guess.element || guess.fields) return false;
      guess.each();
      return true;
    }
    return this.changeTypes(inside, error, analyze);
  }

  /** The drafts whose columns an item of FROM passes on. */
  private draftsOf(leaf: Leaf, inside: Inside, depth = 0): readonly DraftTable[] {
    if (depth > 20) return [];
    if (leaf.kind === "subquery-table") return this.starsOf(leaf.query, inside, depth);
    if (leaf.kind !== "table-reference") return [];
    const path = pathOf(leaf.name);
    const common = path.length === 1 ? inside.commonTable(path[0]!) : undefined;
    if (common) return this.starsOf(common, inside, depth);
    const id = this.idAt(path);
    const draft = id === undefined ? undefined : this.drafts.get(id);
    if (draft) return [draft];
    const other = id === undefined ? undefined : this.queryOf(id);
    return other ? this.starsOf(other, new Inside(other, other.span.end - 1), depth) : [];
  }

  /** Those that a query passes on with `*`. */
  private starsOf(query: Query, inside: Inside, depth: number): readonly DraftTable[] {
    const { body } = query;
    const within = inside.with(query);
    if (body.kind === "query") return this.starsOf(body, within, depth + 1);
    if (body.kind === "set-operation")
      return body.inputs.flatMap((input) => (input.kind === "select" ? this.ofSelect(input, within, depth) : []));
    if (body.kind === "from-query")
      return leavesOf(body.from).flatMap((leaf) => this.draftsOf(leaf, within, depth + 1));
    return this.ofSelect(body, within, depth);
  }

  private ofSelect(select: Select, inside: Inside, depth: number): readonly DraftTable[] {
    const stars = select.items.filter((item) => item.kind === "select-star" || item.kind === "select-dot-star");
    if (!select.from || stars.length === 0) return [];
    return leavesOf(select.from).flatMap((leaf) => this.draftsOf(leaf, inside, depth + 1));
  }

  /** A bare name: a column of the nearest FROM that has a source in it, or a field of what is unnested there. */
  private addName(inside: Inside, name: string): boolean {
    for (const level of inside.levels()) {
      if (this.add(level, inside, name)) return true;
      const element = this.unnested(inside, level);
      if (element && !element.fields?.has(name.toLowerCase())) {
        element.field(name);
        return true;
      }
    }
    return false;
  }

  private add(leaves: readonly Leaf[], inside: Inside, name: string): boolean {
    const candidates = leaves.flatMap((leaf) => this.draftsOf(leaf, inside));
    const draft = candidates.find((one) => !one.has(name));
    draft?.column(name);
    return draft !== undefined;
  }

  /** `a.b.c`, where the error is about one of the later parts. */
  private addField(inside: Inside, name: string, at: number): boolean {
    const path = inside.nodes.findLast((node) => node.kind === "path") as PathExpression | undefined;
    const parts = path?.parts.filter(({ span }) => span.end <= at).map((part) => part.name);
    const guess = parts && this.guessAt(inside, parts);
    if (!guess || guess.element || guess.fields?.has(name.toLowerCase())) return false;
    guess.field(name);
    return true;
  }

  /** What is believed of the value of a path. */
  private guessAt(inside: Inside, parts: readonly string[], depth = 0): Guess | undefined {
    const [first, second, ...rest] = parts;
    // An array that is unnested may be a field of one unnested beside it, but not for ever.
    if (first === undefined || depth > 4) return undefined;
    for (const leaf of inside.leaves()) {
      if (!named(leaf, first)) continue;
      if (leaf.kind === "unnest" || (leaf.kind === "table-reference" && pathOf(leaf.name).length > 1)) {
        const array =
          leaf.kind === "unnest" ? (leaf.array.kind === "path" ? leaf.array.parts : undefined) : leaf.name.parts;
        const from =
          array &&
          this.guessAt(
            inside,
            array.map(({ name }) => name),
            depth + 1,
          );
        if (from?.element) return down(from.element, parts.slice(1));
      }
      const draft = second === undefined ? undefined : this.draftsOf(leaf, inside).find((one) => one.has(second));
      if (draft) return down(draft.column(second!), rest);
    }
    for (const level of inside.levels()) {
      const draft = level.flatMap((leaf) => this.draftsOf(leaf, inside)).find((one) => one.has(first));
      if (draft) return down(draft.column(first), parts.slice(1));
      const field = this.unnested(inside, level, depth + 1)?.fields?.get(first.toLowerCase());
      if (field) return down(field.guess, parts.slice(1));
    }
    return undefined;
  }

  /** What an UNNEST of a FROM gives. */
  private unnested(inside: Inside, level: readonly Leaf[], depth = 0): Guess | undefined {
    const array = level.flatMap((leaf) =>
      leaf.kind === "unnest" && leaf.array.kind === "path" ? leaf.array.parts : [],
    );
    return this.guessAt(
      inside,
      array.map((part) => part.name),
      depth,
    )?.element;
  }

  /** One of the columns where the error stands gets the first type that gets further. */
  private changeTypes(inside: Inside, error: GoogleSqlAnalysisError, analyze: () => unknown): boolean {
    const { span } = error.place!;
    const paths: PathExpression[] = [];
    walk(inside.query, (node) => {
      if (node.span.end < span.start || node.span.start > span.end) return "skip";
      if (node.kind === "path" && node.span.start >= span.start && node.span.end <= span.end) paths.push(node);
      return undefined;
    });
    const isBetter = (): boolean => {
      try {
        analyze();
        return true;
      } catch (next) {
        return (
          next instanceof GoogleSqlAnalysisError &&
          !(next.place?.span.start === span.start && !/^(Unrecognized name|Name )/.test(next.message))
        );
      }
    };
    return paths.some(
      (path) =>
        this.guessAt(
          inside,
          path.parts.map(({ name }) => name),
        )?.change(isBetter) === true,
    );
  }
}

const down = (guess: Guess, parts: readonly string[]): Guess | undefined =>
  parts.reduce<Guess | undefined>((at, name) => at?.fields?.get(name.toLowerCase())?.guess, guess);

function named(leaf: Leaf, alias: string): boolean {
  const own = leaf.alias?.name ?? (leaf.kind === "table-reference" ? pathOf(leaf.name).at(-1) : undefined);
  return own?.toLowerCase() === alias.toLowerCase();
}

/** The name as it stands in the text, which the message shows with the parts that follow it. */
function nameAt(inside: Inside, shown: string): string {
  const path = inside.nodes.findLast((node) => node.kind === "path");
  return path?.kind === "path" ? path.parts[0]!.name : shown;
}

function leavesOf(from: TableExpression): readonly Leaf[] {
  switch (from.kind) {
    case "join":
      return [...leavesOf(from.left), ...leavesOf(from.right)];
    case "pivot-table":
    case "unpivot-table":
    case "sampled-table":
      return leavesOf(from.input);
    default:
      return [from];
  }
}

/** A place in a query, and what can be seen from there. */
class Inside {
  /** From the outermost to the innermost around the place. */
  readonly nodes: readonly Node[];

  constructor(
    readonly query: Query,
    private readonly at: number,
    private readonly around: readonly Query[] = [],
  ) {
    const nodes: Node[] = [];
    walk(query, (node) => {
      if (at < node.span.start || at >= node.span.end) return "skip";
      nodes.push(node);
      return undefined;
    });
    this.nodes = nodes;
  }

  /** The same place, with another query's WITH in sight. */
  with(query: Query): Inside {
    return new Inside(this.query, this.at, [...this.around, query]);
  }

  /** The items of FROM that the place sees, the nearest first. */
  leaves(): readonly Leaf[] {
    return this.levels().flat();
  }

  levels(): readonly (readonly Leaf[])[] {
    return this.nodes.toReversed().flatMap((node) => {
      if (node.kind === "select" && node.from) return [leavesOf(node.from)];
      return node.kind === "from-query" ? [leavesOf(node.from)] : [];
    });
  }

  commonTable(name: string): Query | undefined {
    const queries = [...this.around, ...this.nodes.filter((node) => node.kind === "query").toReversed()] as Query[];
    const entries = queries.flatMap((query) => query.with?.entries ?? []);
    return entries.find((entry) => entry.name.name.toLowerCase() === name.toLowerCase())?.query;
  }
}

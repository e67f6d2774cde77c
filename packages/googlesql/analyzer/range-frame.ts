import type { FrameBound, NodeBase, OrderItem, WindowFrame } from "../ast.ts";
import { duckdbType } from "../types.ts";
import type { Analysis, Context } from "./context.ts";
import type { Typed } from "./typed.ts";

/** A RANGE frame whose bounds are some way off the row's key: DuckDB's own adds and subtracts within the key's type. */
export interface RangeFrame {
  readonly frame: WindowFrame;
  readonly item: OrderItem;
  readonly key: Typed;
  /** `PARTITION BY ...` and the keys in it. */
  readonly partition: readonly string[];
  /** What the rows are in order of: ORDER BY without the words. */
  readonly order: string;
  offset(bound: Pick<FrameBound, "bound" | "offset">): Typed;
}

const words = (keys: readonly string[]): string => (keys.length > 0 ? `PARTITION BY ${keys.join(", ")} ` : "");

/**
 * The frame over the ranks of the keys, which no bound can leave: `lo` is the rank of the first key that is not before the start,
 * `hi` of the last one that is not after the end. NULL, NaN and the infinities have their like for a frame, as GoogleSQL has it.
 */
export function rankedFrame(a: Analysis, node: NodeBase, range: RangeFrame, cx: Context): string {
  const source = cx.windowSource;
  if (!source || range.key.isVolatile || range.key.hasSubquery) {
    return a.refuse(node, "RANGE_frame", "RANGE with an offset over this key here");
  }
  const { frame, partition, order } = range;
  const rank = source.add(0, `dense_rank() OVER (${words(partition)}ORDER BY ${order})`);
  const end = frame.end ?? { bound: "current-row" as const, offset: undefined };
  const first = frame.start.offset && source.add(1, new Bound(range, frame.start, true, rank).text());
  const side = (bound: Pick<FrameBound, "bound" | "offset">, isStart: boolean): string => {
    if (!bound.offset) return bound.bound.replace("-", " ").toUpperCase();
    const own = isStart ? first! : source.add(1, new Bound(range, bound, isStart, rank).text());
    // DuckDB is not at ease with a frame that ends further than one before its start.
    const at = isStart || !first ? own : `greatest(${own}, ${first} - 1)`;
    return bound.bound === "preceding" ? `(${rank} - ${at}) PRECEDING` : `(${at} - ${rank}) FOLLOWING`;
  };
  return `(${words(partition)}ORDER BY ${rank} RANGE BETWEEN ${side(frame.start, true)} AND ${side(end, false)})`;
}

/** The rank at which a frame starts or ends. */
class Bound {
  private readonly key: string;
  private readonly isUsual: string;
  private readonly keys: string;
  private readonly offset: Typed;
  private readonly isDescending: boolean;
  /** The bound lies on the side of the smaller keys. */
  private readonly isDown: boolean;

  constructor(
    private readonly range: RangeFrame,
    private readonly bound: Pick<FrameBound, "bound" | "offset">,
    private readonly isStart: boolean,
    private readonly rank: string,
  ) {
    const { sql, type } = range.key;
    this.isUsual = type.kind === "FLOAT64" ? `coalesce(isfinite(${sql}), false)` : `(${sql} IS NOT NULL)`;
    const zero = type.kind === "BIGNUMERIC" ? "'0'" : `CAST(0 AS ${duckdbType(type)})`;
    this.key = `(CASE WHEN ${this.isUsual} THEN ${sql} ELSE ${zero} END)`;
    this.keys = words([...range.partition, this.isUsual]);
    this.offset = range.offset(bound);
    this.isDescending = range.item.direction === "desc";
    this.isDown = (bound.bound === "preceding") !== this.isDescending;
  }

  text(): string {
    const { rank, isStart, keys, isUsual } = this;
    const outside = isStart ? `max(${rank}) OVER (${keys}) + 1` : `min(${rank}) OVER (${keys}) - 1`;
    return `CASE WHEN ${isUsual} THEN coalesce(${this.inside()}, ${outside}) ELSE ${rank} END`;
  }

  /** NULL when no key lies on this side of the bound. */
  private inside(): string {
    const { range, key, offset, isStart, isDown, isDescending, rank, keys } = this;
    switch (range.key.type.kind) {
      case "BIGNUMERIC": {
        const list = `list({'k': ${key}, 'd': ${rank}}) OVER (${keys})`;
        return `gs_bignumeric_bound(${list}, ${key}, ${offset.sql}, ${isDown}, ${isDescending}, ${isStart})`;
      }
      case "NUMERIC": {
        const most = "CAST('99999999999999999999999999999.999999999' AS DECIMAL(38,9))";
        const room = isDown ? `${key} + ${most}` : `${most} - ${key}`;
        const isTight = isDown ? `${key} < 0` : `${key} > 0`;
        const held = `(CASE WHEN ${isTight} THEN least(${offset.sql}, ${room}) ELSE ${offset.sql} END)`;
        const found = this.native(held);
        // Held at the end of the type it still takes in all that it should, but not where all should lie beyond it.
        if (isStart === (this.bound.bound === "preceding")) return found;
        return `CASE WHEN ${isTight} AND (CASE WHEN ${isTight} THEN ${room} END) < ${offset.sql} THEN NULL ELSE ${found} END`;
      }
      default:
        return this.native(offset.sql);
    }
  }

  private native(offset: string): string {
    const { rank, isStart, keys, key, isDescending } = this;
    const by = `${keys}ORDER BY ${key}${isDescending ? " DESC" : ""}`;
    const at = `${offset} ${this.bound.bound.toUpperCase()}`;
    return isStart
      ? `min(${rank}) OVER (${by} RANGE BETWEEN ${at} AND UNBOUNDED FOLLOWING)`
      : `max(${rank}) OVER (${by} RANGE BETWEEN UNBOUNDED PRECEDING AND ${at})`;
  }
}

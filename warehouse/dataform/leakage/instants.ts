/**
 * Instants as unknowns, and what is known of their order: difference bounds over whole microseconds, the zone domain of
 * abstract interpretation (Miné, "A new numerical abstract domain based on difference-bound matrices", 2001). TIMESTAMP has
 * microseconds, so `t < u` is `t - u <= -1` and strictness needs no mark of its own.
 */
export type Instant = number;

/** The as-of instant of the build: one for all queries. */
export const asOf: Instant = 0;
/** What it is called where it is a value. */
export const cutName = "the as-of instant";

let last = 0;
/** An instant that nothing is known of. */
export const newInstant = (): Instant => ++last;
/** A name for a value, so that conditions can speak of it. */
export const newId = newInstant;

export const day = 86_400_000_000;

/** `a - b <= most`, in microseconds. */
export interface Order {
  readonly kind: "order";
  readonly a: Instant;
  readonly b: Instant;
  readonly most: number;
}

export const order = (a: Instant, b: Instant, most: number): Order => ({ kind: "order", a, b, most });

/** What is known of the order of instants. */
export class Zone {
  readonly orders: readonly Order[];
  private readonly out = new Map<Instant, Map<Instant, number>>();
  private readonly into = new Map<Instant, Map<Instant, number>>();
  private readonly knownBelow = new Map<Instant, ReadonlyMap<Instant, number>>();
  private readonly known = new Map<Instant, ReadonlyMap<Instant, number>>();

  constructor(orders: readonly Order[]) {
    this.orders = orders;
    for (const { a, b, most } of orders) {
      const row = this.out.get(a) ?? new Map<Instant, number>();
      if (a !== b) row.set(b, Math.min(most, row.get(b) ?? Number.POSITIVE_INFINITY));
      this.out.set(a, row);
    }
  }

  with(orders: readonly Order[]): Zone {
    return orders.length === 0 ? this : new Zone([...this.orders, ...orders]);
  }

  /** For every instant `b` that can be told: the least `c` for which `from <= b + c` is certain. */
  above(from: Instant): ReadonlyMap<Instant, number> {
    return this.reached(from, this.out, this.known);
  }

  /** For every instant `a` that can be told: the least `c` for which `a <= to + c` is certain. */
  below(to: Instant): ReadonlyMap<Instant, number> {
    if (this.into.size === 0) {
      for (const [a, row] of this.out)
        for (const [b, most] of row) {
          const turned = this.into.get(b) ?? new Map<Instant, number>();
          turned.set(a, most);
          this.into.set(b, turned);
        }
    }
    return this.reached(to, this.into, this.knownBelow);
  }

  private reached(
    from: Instant,
    edges: ReadonlyMap<Instant, ReadonlyMap<Instant, number>>,
    known: Map<Instant, ReadonlyMap<Instant, number>>,
  ): ReadonlyMap<Instant, number> {
    const cached = known.get(from);
    if (cached) return cached;
    const least = new Map<Instant, number>([[from, 0]]);
    // Bellman-Ford; contradictions (rows that cannot be) would go round for ever, so the rounds are counted.
    const rounds = edges.size + 1;
    for (let changed = true, round = 0; changed && round < rounds; round++) {
      changed = false;
      for (const [a, row] of edges) {
        const base = least.get(a);
        if (base === undefined) continue;
        for (const [b, most] of row) {
          if (base + most < (least.get(b) ?? Number.POSITIVE_INFINITY)) {
            least.set(b, base + most);
            changed = true;
          }
        }
      }
    }
    known.set(from, least);
    return least;
  }

  /** The same knowledge, of some instants only. */
  among(instants: ReadonlySet<Instant>): readonly Order[] {
    return [...instants].flatMap((a) =>
      [...this.above(a)].flatMap(([b, most]) => (b !== a && instants.has(b) ? [order(a, b, most)] : [])),
    );
  }
}

export const nowhere = new Zone([]);

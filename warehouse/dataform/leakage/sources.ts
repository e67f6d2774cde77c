import knownAt from "../../../includes/known_at.js";
import type { Column as SourceColumn } from "../../warehouse.ts";
import { asOf, newInstant, type Order, order } from "./instants.ts";
import { type Early, type Need, type Origin, type Val, val } from "./knowledge.ts";
import type { Relation } from "./relation.ts";

/** What is known of a table before its query is read. */
export interface KnownTable {
  readonly kind: "act" | "send" | "state" | "fixed" | "query";
  readonly at?: string | undefined;
  readonly times?: readonly string[] | undefined;
  /** When a row was received, which is after it happened; `received_at` where nothing is said. */
  readonly receivedAt?: string | undefined;
  readonly ends?: readonly string[] | undefined;
  readonly sentAt?: string | undefined;
  readonly ids?: Readonly<Record<string, string>> | undefined;
  readonly unique?: readonly (readonly string[])[] | undefined;
  readonly early?:
    | {
        readonly type: string;
        readonly within: readonly string[];
        readonly and: string;
        readonly columns: readonly string[];
      }
    | undefined;
  readonly rows?: "sent" | undefined;
  readonly known?: readonly string[] | undefined;
}

export interface Accepted {
  readonly column: string;
  readonly from: readonly string[];
  readonly why: string;
}

/** What is stated of tables, where their queries cannot tell. */
export interface Knowledge {
  readonly tables: ReadonlyMap<string, KnownTable>;
  readonly accepted: readonly Accepted[];
  /** Those of the tables that the project's own file speaks of. */
  readonly stated: ReadonlyMap<string, KnownTable>;
}

/** What comes with Inboxloop: its own tables. */
export const ownKnowledge: Knowledge = {
  tables: new Map(Object.entries(knownAt.tables as Record<string, KnownTable>)),
  accepted: knownAt.accepted,
  stated: new Map(),
};

/** The relation of a source: each column, and from when on it is known. */
export function sourceRelation(id: string, known: KnownTable, names: readonly string[]): Relation {
  const times = new Map<string, number>();
  for (const name of [known.at, known.sentAt, known.receivedAt, ...(known.times ?? []), ...(known.ends ?? [])])
    if (name !== undefined) times.set(name, newInstant());
  const at = known.at === undefined ? undefined : times.get(known.at)!;
  const isOfMails = Object.values(known.ids ?? {}).includes("mail");
  // When the mail was sent is an instant, whether or not the table says it.
  const mail = known.sentAt === undefined ? (isOfMails ? newInstant() : undefined) : times.get(known.sentAt);
  const kind: Origin["kind"] = known.kind === "fixed" || known.kind === "query" ? "send" : known.kind;
  const own = at !== undefined ? [{ at, plus: 0 }] : known.kind === "state" ? [{ at: asOf, plus: 0 }] : [];
  const columns = new Map<string, Val>(names.map((name) => [name.toLowerCase(), val([])]));
  const typeId = known.early && columns.get(known.early.type)?.id;
  const early = (isOfRows: boolean): Early | undefined =>
    known.early && typeId !== undefined && mail !== undefined
      ? {
          id: typeId,
          within: known.early.within,
          and: known.early.and,
          bound: { at: mail, plus: -1 },
          ofRows: isOfRows,
        }
      : undefined;
  const need = (column: string, isEarly: boolean, bounds = own): Need => ({
    origin: { table: id, column, kind },
    bounds,
    ...(kind === "act" && at !== undefined ? { since: [{ at, plus: 0 }] } : {}),
    via: [],
    isSoft: false,
    tags: [],
    early: isEarly ? early(column === "*" || column === known.at || column === known.early?.type) : undefined,
  });
  const needsOfColumn = (name: string): readonly Need[] => {
    if (
      known.kind === "fixed" ||
      name === known.sentAt ||
      (known.ids && name in known.ids && known.ids[name] !== "campaign")
    )
      return [];
    if (known.ids?.[name] !== undefined && !known.early?.columns.includes(name)) return [];
    const time = times.get(name);
    // Of a time that is known as it passes: that, beside whatever else is known of the row.
    if (time !== undefined)
      return [
        need(
          name,
          name === known.at,
          [...(known.ends?.includes(name) ? [] : own), { at: time, plus: 0 }]
            .filter((one) => one.at !== asOf || known.kind !== "state")
            .concat(known.kind === "state" ? [{ at: asOf, plus: 0 }] : []),
        ),
      ];
    return [need(name, (known.early?.columns.includes(name) || name === known.early?.type) ?? false)];
  };
  // Whoever signed up was there from then on.
  const there = need("*", false, [...own, ...[...times.values()].map((one) => ({ at: one, plus: 0 }))]);
  const orders: Order[] = [];
  // It is reported after it happened, and a mail is sent before anything comes of it: clocks that disagree aside.
  const received = times.get(known.receivedAt ?? "received_at");
  if (at !== undefined && received !== undefined && received !== at) orders.push(order(at, received, 0));
  for (const end of known.ends ?? []) if (at !== undefined) orders.push(order(at, times.get(end)!, 0));
  if (at !== undefined && mail !== undefined && known.kind === "act") orders.push(order(mail, at, 0));
  return {
    columns: names.map((name) => {
      const key = name.toLowerCase();
      const time = times.get(key);
      const domain = known.ids?.[key] ?? (key === known.sentAt ? "send" : undefined);
      return {
        name,
        val: {
          ...columns.get(key)!,
          needs: needsOfColumn(key),
          ...(time === undefined
            ? {}
            : { time: { at: time, plus: 0, scale: 1, grain: 1, self: key === known.sentAt ? undefined : time } }),
          ...(domain === undefined ? {} : { domain }),
          ...(domain === "mail" && mail !== undefined ? { mail } : {}),
        },
      };
    }),
    rows:
      known.kind === "fixed" || known.kind === "state"
        ? known.kind === "state"
          ? [there]
          : []
        : [need("*", known.early !== undefined)],
    exists: known.kind === "fixed" ? [] : known.kind === "state" ? [there] : [need("*", known.early !== undefined)],
    orders,
    unique: (known.unique ?? []).map((key) => key.flatMap((name) => columns.get(name)?.id ?? [-1])),
    outer: new Set(),
  };
}

/** A table of which nothing is known: any column may be known at any time. */
export function unknownRelation(id: string, columns: readonly SourceColumn[] | undefined): Relation {
  const need = (column: string): Need => ({
    origin: { table: id, column, kind: "unknown" },
    bounds: [],
    via: [],
    isSoft: false,
    tags: [],
    early: undefined,
  });
  const names = columns?.map((column) => column.name) ?? ["*"];
  return {
    columns: names.map((name) => ({ name, val: val([need(name)]) })),
    rows: [need("*")],
    exists: [need("*")],
    orders: [],
    unique: [],
    outer: new Set(),
  };
}

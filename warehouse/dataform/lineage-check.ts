import { UserError } from "../../errors/user-error.ts";
import { readScript, walk } from "../../packages/googlesql/index.ts";
import { withStatementErrors } from "../statement-error.ts";
import type { Graph } from "./graph.ts";
import { isAboutValue, type LineageEdge, type LineageGraph, type LineageNode, nodeName } from "./lineage-graph.ts";

/** A claim that nothing flows from some columns to others. */
export interface LineageRule {
  readonly name: string;
  /** What it promises, as a sentence. */
  readonly claim: string;
  /** `schema.*`, `schema.table`, `schema.table.column`; what a project does not have is left out. */
  readonly from: readonly string[];
  /** Columns of `from` that are none of the claim's business. */
  readonly except?: readonly string[] | undefined;
  readonly to: readonly string[];
  /** `any`: not even by deciding which rows there are. `value`: values are not made of it, nor chosen or ordered by it. */
  readonly flow: "any" | "value";
  /** Columns that another rule speaks for: what comes by way of them is not followed further. */
  readonly settled?: readonly string[] | undefined;
  /** What may carry it, because it looks only at what was before. Every window of these tables must end before its own row. */
  readonly through?: readonly Gate[] | undefined;
}

/** Columns of a table that are known before the moment they are for: those with one of the endings; "" is all of them. */
export interface Gate {
  readonly table: string;
  readonly endings: readonly string[];
  /** Whether a row is there says nothing either. */
  readonly rows: boolean;
}

export interface Leak {
  readonly rule: string;
  readonly from: string;
  readonly to: string;
  /** From first to last; for a gate that does not look back only, empty. */
  readonly path: readonly LineageEdge[];
  readonly reason: string;
}

export interface RuleResult {
  readonly rule: string;
  readonly claim: string;
  /** How many columns were followed, and to how many. */
  readonly from: number;
  readonly to: number;
  readonly leaks: readonly Leak[];
}

/** Columns of a message that are known when it is sent; all others say what came of it. */
const knownAtSend = [
  "message_id",
  "user_id_hash",
  "person_id",
  "campaign_id",
  "isp",
  "region",
  "recipient_domain",
  "sender_domain",
  "variant",
  "campaign_kind",
  "campaign_topic",
  "subject_length",
  "sent_date",
  "sent_at",
  "closes_at",
  "signed_up_at",
];

/** What customers did, and when: the evidence that labels are made of, too. */
const evidence = ["event_type", "revenue", "read_seconds", "is_machine", "is_repeat", "bounce_class"];

// What a model learns from. Tables that serve decisions (decision_inputs, reputation_now, acts) say what is known now, of no message.
const features = [
  "features.message_features",
  "features.point_in_time",
  "features.customer_features",
  "features.segment_members",
];
// A day on which a message was sent has its row in any case: that it is there, and its date, tell the message nothing new.
const daily = (table: string): Gate => ({ table, endings: ["_before", "activity_date"], rows: true });
// Of everybody's acts together only on which days there were any at all.
const silence: Gate = {
  table: "features.feed_ages",
  endings: ["_before", "silent_feeds", "expires_at", "activity_date"],
  rows: true,
};
const dailyRates = [daily("events.reputation_daily"), daily("events.seed_placement_daily"), silence];
const pointInTime: readonly Gate[] = [{ table: "features.point_in_time", endings: [""], rows: true }, ...dailyRates];

/**
 * "No label flows into a feature", as far as it can be proven from the text of the models. Labels and features are made of the
 * same events; that features look only at what was before the send is the work of the point-in-time tables, so these are the one
 * way for what customers did, and each of their windows must end before its own row.
 */
export const labelsNeverReachFeatures: readonly LineageRule[] = [
  {
    name: "labels-never-reach-features",
    claim: "no column and no row of labels, of training or of what people labelled has any influence on a feature",
    from: ["labels.*", "training.*", "raw.human_labels", "staging.stg_raw__human_labels"],
    to: features,
    flow: "any",
  },
  {
    name: "outcomes-never-reach-features",
    claim:
      "no feature is made of, or chosen by, what came of a message, but for the rates of days that were over before",
    from: ["events.messages"],
    except: knownAtSend.map((column) => `events.messages.${column}`),
    to: features,
    flow: "value",
    through: dailyRates,
  },
  {
    name: "evidence-only-from-before",
    claim: "what customers did reaches features only through tables whose windows end before their own row",
    from: ["events.events", "events.orders"].flatMap((table) => evidence.map((column) => `${table}.${column}`)),
    to: features,
    flow: "value",
    // The type of an event also tells the handling of a mail, which its dimensions are read off, from what the reader did.
    settled: knownAtSend.map((column) => `events.messages.${column}`),
    through: pointInTime,
  },
];

/** Follows each rule over the lineage of a compiled graph. Throws a UserError when a project has nothing that a rule speaks of. */
export function checkLineage(
  graph: Graph,
  lineage: LineageGraph,
  rules: readonly LineageRule[] = labelsNeverReachFeatures,
): readonly RuleResult[] {
  return rules.map((rule) => {
    const gates = gateColumns(lineage, rule.through ?? []);
    const gateTables = (rule.through ?? []).map((gate) => gate.table);
    const excepted = new Set((rule.except ?? []).map((name) => name.toLowerCase()));
    const isFree = (node: LineageNode): boolean => excepted.has(nodeName(node).toLowerCase());
    const rows = rule.flow === "any";
    const from = nodesOf(lineage, rule.from, rows).filter((node) => !isFree(node));
    const to = nodesOf(lineage, rule.to, rows).filter((node) => !gates.has(nodeName(node)));
    if (from.length === 0 || to.length === 0) {
      const missing = from.length === 0 ? rule.from : rule.to;
      throw new UserError(`rule ${rule.name} has nothing to follow: the project has no ${missing.join(", ")}`, {
        code: "lineage.nothing-to-check",
        exit: "config",
      });
    }
    const along = rule.flow === "any" ? undefined : isAboutValue;
    const avoiding = new Set([...gates, ...(rule.settled ?? [])]);
    const leaks = lineage.paths(from, to, { along, avoiding }).map(
      (path): Leak => ({
        rule: rule.name,
        from: nodeName(path[0]!.from),
        to: nodeName(path.at(-1)!.to),
        path,
        reason: rule.claim,
      }),
    );
    const open = gateTables.flatMap((gate) =>
      openWindows(graph, gate).map((reason): Leak => ({ rule: rule.name, from: gate, to: gate, path: [], reason })),
    );
    return { rule: rule.name, claim: rule.claim, from: from.length, to: to.length, leaks: [...leaks, ...open] };
  });
}

function gateColumns(lineage: LineageGraph, gates: readonly Gate[]): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { table, endings, rows } of gates) {
    if (rows) found.add(`${table}.*`);
    for (const column of lineage.tables.get(table)?.columns ?? []) {
      if (endings.some((ending) => column.endsWith(ending))) found.add(`${table}.${column}`);
    }
  }
  return found;
}

function nodesOf(lineage: LineageGraph, names: readonly string[], rows: boolean): readonly LineageNode[] {
  const found = new Map<string, LineageNode>();
  for (const name of names) {
    if (!lineage.has(name)) continue;
    for (const node of lineage.select(name, { rows })) found.set(nodeName(node), node);
  }
  return [...found.values()];
}

/** Window functions of a table's query whose frame does not end before the row that it is for. */
function openWindows(graph: Graph, id: string): readonly string[] {
  const action = graph.actions.find((one) => one.id === id);
  if (!action || !("query" in action)) return [];
  const source = { text: action.query, file: action.file };
  const open: string[] = [];
  let windows = 0;
  walk(
    withStatementErrors(() => readScript(source)),
    (node) => {
      if (node.kind !== "function-call" || !node.over) return;
      windows++;
      const frame = node.over.kind === "window-spec" ? node.over.frame : undefined;
      const end = frame?.end ?? frame?.start;
      const isBefore = end?.bound === "preceding" && end.offset?.kind === "integer-literal" && end.offset.value > 0n;
      if (!isBefore)
        open.push(
          `${id}: the window of ${action.query.slice(node.span.start, node.span.end)} does not end before its row`,
        );
    },
  );
  return windows === 0 ? [`${id} has no window, so nothing says that it looks only at what was before`] : open;
}

import features from "../../../includes/features.js";
import { positionAt } from "../../../packages/googlesql/index.ts";
import type { Column as SourceColumn } from "../../warehouse.ts";
import type { Action, Graph, OperationAction, TableAction } from "../graph.ts";
import { offsetInFile } from "../place-in-file.ts";
import { asOf, cutName, day, Zone } from "./instants.ts";
import { type Bound, type Need, needsOf } from "./knowledge.ts";
import { Models, type Problem } from "./models.ts";
import type { Column, Relation } from "./relation.ts";
import type { Knowledge } from "./sources.ts";

/** The as-of instant that a project is compiled for, to be known again in its queries. */
export const markedAsOf = "2037-11-05T04:03:02.000001Z";
const asOfText = "2037-11-05 04:03:02.000001";

export type LeakKind =
  | "clock"
  | "late-state"
  | "not-before"
  | "after"
  | "whole-history"
  | "no-instant"
  | "target-before"
  | "unknown-source"
  | "not-followed";

/** One thing that a feature is made of and that is not known when it is wanted. */
export interface LeakageFinding {
  readonly kind: LeakKind;
  readonly model: string;
  /** `*`: which rows there are. */
  readonly column: string;
  readonly where: string;
  /** From the source to the feature. */
  readonly path: readonly string[];
  readonly message: string;
  readonly next: string;
}

export interface LeakageResult {
  readonly verdict: "pass" | "fail";
  readonly models: readonly {
    readonly model: string;
    readonly file: string;
    readonly decision: string;
    readonly columns: number;
    readonly findings: number;
  }[];
  readonly findings: readonly LeakageFinding[];
  /** Tables of which nothing is known because their queries could not be followed; only what a feature reads is a finding. */
  readonly problems: readonly Problem[];
}

export interface LeakageOptions {
  /** Columns of declarations, by the action's id. */
  readonly columns: ReadonlyMap<string, readonly SourceColumn[]>;
  readonly knowledge: Knowledge;
}

const checked = new Set(["features", "training"]);

/**
 * Whether everything that features are made of was known when it was wanted: before the send of the message of their row, else by the
 * as-of instant. The graph must be compiled for `markedAsOf`.
 */
export function checkLeakage(graph: Graph, options: LeakageOptions): LeakageResult {
  const models = new Models(graph, options.columns, asOfText, options.knowledge);
  const found: LeakageFinding[] = [];
  const seen: LeakageResult["models"][number][] = [];
  for (const action of graph.actions) {
    if (action.disabled || roomOf(action) === undefined || !isModel(action)) continue;
    const relation = models.relationOf(action);
    const judge = new Judge(graph, action, relation, options.knowledge);
    const problem = models.problems.get(action.id);
    const findings = problem ? [notFollowed(action, problem)] : judge.findings();
    found.push(...findings);
    seen.push({
      model: action.id,
      file: action.file,
      decision: judge.decision.text,
      columns: relation.columns.length,
      findings: findings.length,
    });
  }
  return {
    verdict: found.length > 0 ? "fail" : "pass",
    models: seen,
    findings: found,
    problems: [...models.problems.values()],
  };
}

type Model = TableAction | OperationAction;

const isModel = (action: Action): action is Model =>
  action.kind === "table" ||
  action.kind === "view" ||
  action.kind === "incremental" ||
  (action.kind === "operation" && action.hasOutput);

/** A model is of features or of training by its dataset, or by the folder that it is written in. */
function roomOf(action: Action): string | undefined {
  const schema = action.target.schema.toLowerCase();
  const folder = /^definitions\/(\w+)\//.exec(action.file)?.[1]?.toLowerCase();
  return [schema, folder].find((one) => one !== undefined && checked.has(one));
}

const textOf = (action: Model): string => (action.kind === "operation" ? action.queries.join(";\n") : action.query);
const before = (action: Model): readonly string[] => (action.kind === "operation" ? [] : action.preOps);

const notFollowed = (action: Action, problem: Problem): LeakageFinding => ({
  kind: "not-followed",
  model: action.id,
  column: "*",
  where: problem.where,
  path: [],
  message: `its query cannot be followed: ${problem.message}`,
  next: "write it without that construct, so that the check can read it",
});

/** When the features of a row are wanted. */
interface Decision {
  readonly isSend: boolean;
  /** Any of them. */
  readonly by: readonly Bound[];
  readonly text: string;
}

const outcomeColumns = new Set(
  [...features.outcomes.map((one: { column: string }) => one.column), ...features.exampleExtras].map((one: string) =>
    one.toLowerCase(),
  ),
);
const outcomeNames = /^(did|outcome|label|target)(_|$)|_label$/;

class Judge {
  readonly decision: Decision;
  private readonly graph: Graph;
  private readonly action: Model;
  private readonly relation: Relation;
  private readonly zone: Zone;
  private readonly isTraining: boolean;
  private readonly knowledge: Knowledge;

  constructor(graph: Graph, action: Model, relation: Relation, knowledge: Knowledge) {
    this.knowledge = knowledge;
    this.graph = graph;
    this.action = action;
    this.relation = relation;
    this.zone = new Zone(relation.orders);
    this.isTraining = roomOf(action) === "training";
    this.decision = this.decisionOf();
  }

  private decisionOf(): Decision {
    const { columns } = this.relation;
    const mails = columns.filter((column) => column.val.mail !== undefined);
    const mail = mails.find((column) => column.name?.toLowerCase() === "message_id") ?? mails[0];
    if (mail) return { isSend: true, by: [{ at: mail.val.mail!, plus: 0 }], text: `the send of ${mail.name}` };
    const send = columns.find((column) => column.val.domain === "send" && column.val.time);
    if (send)
      return {
        isSend: true,
        by: [{ at: send.val.time!.at, plus: send.val.time!.plus }],
        text: `the send at ${send.name}`,
      };
    const timed = columns.filter((column) => column.val.time);
    // What ends after another one is no end of what it may know: a time to live, a window's close.
    const times = timed.filter(
      ({ val: one }) =>
        !timed.some(({ val: other }) => {
          const above = this.zone.above(other.time!.at).get(one.time!.at);
          return above !== undefined && above + other.time!.plus - one.time!.plus < 0;
        }),
    );
    const by = times.map(({ val: { time } }): Bound => ({ at: time!.at, plus: time!.plus }));
    const isStated = times.length > 0 || textOf(this.action).includes(asOfText);
    return {
      isSend: false,
      by: isStated ? [...by, { at: asOf, plus: 0 }] : by,
      text: isStated ? ["the as-of instant", ...times.map((one) => String(one.name))].join(" or ") : "not stated",
    };
  }

  findings(): readonly LeakageFinding[] {
    const found = this.relation.columns.flatMap((column) =>
      this.isFeature(column) ? this.judge(needsOf(column.val), column) : [],
    );
    if (this.isTraining) return [...found, ...this.relation.columns.flatMap((column) => this.targetsBefore(column))];
    // A row that is only there because of what came of it tells that.
    const told = new Set(found.map((one) => one.path[0]));
    return [...found, ...this.judge(this.relation.exists, undefined).filter((one) => !told.has(one.path[0]))];
  }

  private isFeature(column: Column): boolean {
    const name = column.name?.toLowerCase() ?? "";
    if (column.val.time?.at === asOf && column.val.time.plus === 0) return false;
    if (!this.isTraining) return true;
    const doc = this.action.columns.find(({ path }) => path.length === 1 && path[0]!.toLowerCase() === name);
    return !(outcomeColumns.has(name) || outcomeNames.test(name) || doc?.tags.includes("outcome"));
  }

  /**
   * A target is of what came after the decision: where a model of training counts events into one itself, their window must not reach back
   * over the features'. The day of the send may be in it, as days are what such windows are written in.
   */
  private targetsBefore(column: Column): readonly LeakageFinding[] {
    if (!this.decision.isSend || this.isFeature(column) || column.val.time?.at === asOf) return [];
    const [by] = this.decision.by;
    const early = needsOf(column.val).find((need) => {
      if (need.origin.kind !== "act" || need.via.length > 2) return false;
      return !(need.since ?? []).some((since) => {
        const above = this.zone.above(by!.at).get(since.at);
        return above !== undefined && above + by!.plus - since.plus < day;
      });
    });
    return early ? [this.finding(early, column, "target-before")] : [];
  }

  private judge(needs: readonly Need[], column: Column | undefined): readonly LeakageFinding[] {
    const all = needs.filter((need) => !need.isSoft && !this.isInTime(need));
    const late = [...all].sort((one, other) => vagueness(one, this.knowledge) - vagueness(other, this.knowledge));
    const worst = new Map<string, LeakageFinding>();
    for (const need of late) {
      const finding = this.finding(need, column);
      const key = `${finding.kind} ${need.origin.table}`;
      if (!worst.has(key)) worst.set(key, finding);
    }
    return [...worst.values()];
  }

  private isInTime(need: Need): boolean {
    return this.decision.by.some((by) => {
      const most = need.origin.kind === "act" && this.decision.isSend ? -1 : 0;
      return need.bounds.some((bound) => {
        const above = this.zone.above(bound.at).get(by.at);
        return above !== undefined && above + bound.plus - by.plus <= most;
      });
    });
  }

  private finding(need: Need, column: Column | undefined, given?: LeakKind): LeakageFinding {
    const kind = given ?? this.kindOf(need);
    const { origin } = need;
    const first = origin.table === "" ? origin.column : `${origin.table}.${origin.column}`;
    const name = column?.name ?? "*";
    const last = `${this.action.id}.${name}`;
    const path = [first, ...need.via.filter((one) => one !== first && one !== last), last];
    return {
      kind,
      model: this.action.id,
      column: name,
      where: this.place(column),
      path,
      message: this.message(kind, need, name),
      next: nextOf(kind, first),
    };
  }

  private lateness(need: Need): number | undefined {
    const by = this.decision.by[0];
    if (!by || !this.decision.isSend) return undefined;
    const found = need.bounds.flatMap((bound) => {
      const above = this.zone.above(bound.at).get(by.at);
      return above === undefined ? [] : [above + bound.plus - by.plus];
    });
    return found.length === 0 ? undefined : Math.min(...found);
  }

  private kindOf(need: Need): LeakKind {
    if (need.origin.kind === "clock") return "clock";
    if (need.origin.kind === "unknown") return "unknown-source";
    if (need.origin.column === cutName) return "clock";
    if (need.origin.kind === "state") return "late-state";
    const late = this.lateness(need);
    if (late === 0) return "not-before";
    if (late !== undefined) return "after";
    const isByAsOf = need.bounds.some(({ at }) => (this.zone.above(at).get(asOf) ?? 1) <= 0);
    if (!this.decision.isSend) return "no-instant";
    return isByAsOf ? "whole-history" : "after";
  }

  private message(kind: LeakKind, need: Need, name: string): string {
    const what = name === "*" ? "which rows there are hangs on" : `${name} is made of`;
    const source =
      need.origin.column === "*"
        ? `the rows of ${need.origin.table}`
        : need.origin.table === ""
          ? need.origin.column
          : `${need.origin.table}.${need.origin.column}`;
    const late = this.lateness(need);
    switch (kind) {
      case "clock":
        return `${what} ${source}: another build gives the same row another value`;
      case "late-state":
        return `${what} ${source} as it stood when the build ran, not at ${this.decision.text}`;
      case "not-before":
        return `${what} ${source} up to and with the instant of ${this.decision.text}: what happens at that instant is not known before it`;
      case "after":
        return late === undefined
          ? `${what} ${source}, and nothing says that it was before ${this.decision.text}`
          : `${what} ${source} of up to ${spanOf(late)} after ${this.decision.text}`;
      case "whole-history":
        return `${what} ${source} up to the as-of instant of the build, which is later than ${this.decision.text}`;
      case "no-instant":
        return `${what} ${source}, and nothing says up to when`;
      case "target-before":
        return `the target ${name} is made of ${source}, and nothing says that it was after ${this.decision.text}: its window reaches over that of the features`;
      case "unknown-source":
        return `${what} ${source}, of which nothing says when it is known`;
      case "not-followed":
        return `${what} ${source}`;
    }
  }

  private place(column: Column | undefined): string {
    const { file } = this.action;
    const query = textOf(this.action);
    const skipped = [...before(this.action), ""].join(";\n").length;
    const span = column?.span;
    const original = this.graph.texts?.[file];
    if (!span || original === undefined) return file;
    const at = offsetInFile(original, query, span.start - skipped);
    if (at === undefined)
      return `${file} (in the compiled query, line ${positionAt(query, span.start - skipped).line})`;
    const { line, column: place } = positionAt(original, at);
    return `${file}:${line}:${place}`;
  }
}

/** A column says more than when its row was, and that more than that there are rows. */
const vagueness = ({ origin }: Need, knowledge: Knowledge): number =>
  origin.column === "*" ? 2 : origin.column === knowledge.tables.get(origin.table)?.at ? 1 : 0;

function spanOf(micros: number): string {
  if (micros >= day) return `${Math.ceil(micros / day)} days`;
  return `${Math.ceil(micros / 3_600_000_000)} hours`;
}

function nextOf(kind: LeakKind, source: string): string {
  switch (kind) {
    case "clock":
      return "take the time from the row (sent_at), or from time.asOf(dataform.projectConfig.vars) for a table of the as-of instant";
    case "late-state":
      return "take what was known then: versions with received_at < sent_at, or a feature that features.point_in_time counts";
    case "not-before":
      return "compare with <, or end the window at 1 PRECEDING";
    case "after":
    case "whole-history":
      return "keep only what happened before the send: occurred_at < sent_at, or a RANGE frame that ends before the row; an outcome counts once its window has closed";
    case "no-instant":
      return "add occurred_at < time.asOf(dataform.projectConfig.vars) and hand on as_of_at";
    case "target-before":
      return "count the target from the send on: occurred_at >= sent_at, or events of the same message_id";
    case "unknown-source":
      return `say in known_at.yaml when ${source} is known, and in tests/models/types.yaml which columns it has`;
    case "not-followed":
      return "write it so that the check can read it";
  }
}

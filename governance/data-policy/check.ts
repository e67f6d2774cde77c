import {
  type LineageEdge,
  type LineageGraph,
  type LineageNode,
  nodeName,
} from "../../warehouse/dataform/lineage-graph.ts";
import { type StatedClasses, type StatedColumn, statedClasses, travels } from "./classes.ts";
import { allNodes, matcherOf, matching, writtenName } from "./column-patterns.ts";
import { type DataClass, type DataPolicy, dataClasses, type Grant, type Use } from "./data-policy.ts";

/** A use of columns; `where` is said of it in place of the model's file. */
export type CheckedUse = Use & { readonly where?: string | undefined };

export interface PolicyFinding {
  readonly kind: "not-allowed" | "not-approved" | "unclassified" | "without-purpose" | "unknown-lineage" | "stale";
  readonly message: string;
  readonly where: string;
  readonly next: string;
  readonly use?: string;
  readonly stage?: Use["stage"];
  readonly purposes?: readonly string[];
  readonly class?: DataClass;
  /** From the column that is used back to the source. */
  readonly path?: readonly string[];
}

export interface PolicyCheck {
  readonly policy: DataPolicy;
  readonly lineage: LineageGraph;
  /** Where the policy stands, for messages. */
  readonly file: string;
  /** Uses beside those that the policy states: of decision policies, of a table that is to be frozen. */
  readonly more?: readonly CheckedUse[] | undefined;
  /** Grants, by name, whose digest has its signed approvals. */
  readonly approved: ReadonlySet<string>;
  /** YYYY-MM-DD: a grant holds through its last day. */
  readonly today: string;
}

export interface CheckedPolicy {
  readonly verdict: "pass" | "fail";
  readonly uses: readonly {
    readonly use: string;
    readonly stage: Use["stage"];
    readonly purposes: readonly string[];
    readonly columns: number;
    readonly findings: number;
  }[];
  readonly findings: readonly PolicyFinding[];
}

/**
 * Proves that no use of a column has, anywhere in what it is made of, a class that its purpose does not allow at its stage. One finding for each column and class, with a
 * shortest way to a source. What cannot be followed, has no class, no purpose, or is spoken of and not there is a finding too: silence is no proof.
 */
export function checkDataPolicy(check: PolicyCheck): CheckedPolicy {
  const { policy, lineage, file } = check;
  const classes = statedClasses(policy, lineage);
  const nodes = allNodes(lineage);
  const ways = new Ways(check, classes);
  const unknown = lineage.unknownBelow();
  const findings: PolicyFinding[] = [
    ...classes.stale.map(({ where, name }) => stale(file, where, name)),
    ...classes.unclassified.map((node) => unclassified(file, node)),
    ...[...lineage.problems.values()].map(
      ({ id, message, where }): PolicyFinding => ({
        kind: "unknown-lineage",
        message: `what ${id} is made of is not known: ${message}`,
        where: where ?? id,
        next: `inboxloop lineage ${id}`,
      }),
    ),
    ...withoutPurpose(check, nodes),
  ];
  const uses = [...policy.uses, ...(check.more ?? [])].map((use) => {
    const used = matching(nodes, use.of, use.except).filter(({ table }) => !unknown.has(table));
    const found = used.flatMap((node) => ways.findingsAbout(use, node));
    findings.push(...found);
    return {
      use: use.name,
      stage: use.stage,
      purposes: use.purposes,
      columns: used.length,
      findings: found.length,
    };
  });
  return { verdict: findings.length === 0 ? "pass" : "fail", uses, findings };
}

/** Where each class comes to: one walk down from all columns of a class, and one from each sensitive column. */
class Ways {
  private readonly check: PolicyCheck;
  private readonly classes: StatedClasses;
  private readonly walks = new Map<string, ReadonlyMap<string, LineageEdge | undefined>>();

  constructor(check: PolicyCheck, classes: StatedClasses) {
    this.check = check;
    this.classes = classes;
  }

  findingsAbout(use: CheckedUse, node: LineageNode): readonly PolicyFinding[] {
    const { policy } = this.check;
    return dataClasses.flatMap((dataClass) => {
      const allowed = policy.classes[dataClass][use.stage];
      const refused = use.purposes.filter((one) => !allowed.includes(one));
      if (refused.length === 0) return [];
      if (dataClass !== "sensitive") {
        const path = this.pathTo(node, dataClass, this.statedOf(dataClass));
        return path ? [this.notAllowed(use, refused, dataClass, path)] : [];
      }
      return this.statedOf("sensitive").flatMap((source) => {
        const path = this.pathTo(node, nodeName(source), [source]);
        const grants = path ? this.grantsOf(use, refused, source) : [];
        if (!path || grants.some((one) => this.holds(one))) return [];
        const waiting = grants.find(({ until }) => until >= this.check.today);
        return [
          waiting ? this.notApproved(use, waiting, path) : this.notAllowed(use, refused, dataClass, path, grants[0]),
        ];
      });
    });
  }

  private statedOf(dataClass: DataClass): readonly StatedColumn[] {
    return [...this.classes.stated.values()].filter((one) => one.class === dataClass);
  }

  /** From a column back to one of the sources; undefined where none of them comes to it. */
  private pathTo(
    node: LineageNode,
    name: string,
    sources: readonly StatedColumn[],
  ): readonly LineageNode[] | undefined {
    const first = sources[0];
    if (!first) return undefined;
    let walk = this.walks.get(name);
    if (!walk) {
      walk = this.check.lineage.reached(sources, {
        along: travels[first.class],
        avoiding: new Set(this.classes.stated.keys()),
      });
      this.walks.set(name, walk);
    }
    if (!walk.has(nodeName(node))) return undefined;
    const path: LineageNode[] = [node];
    for (let edge = walk.get(nodeName(node)); edge; edge = walk.get(nodeName(edge.from))) path.push(edge.from);
    return path;
  }

  private grantsOf(use: CheckedUse, refused: readonly string[], source: StatedColumn): readonly Grant[] {
    return this.check.policy.grants.filter(
      (one) =>
        one.stages.includes(use.stage) &&
        refused.every((purpose) => one.purposes.includes(purpose)) &&
        one.of.some((pattern) => matcherOf(pattern)(source)),
    );
  }

  private holds({ name, until }: Grant): boolean {
    return until >= this.check.today && this.check.approved.has(name);
  }

  private notAllowed(
    use: CheckedUse,
    refused: readonly string[],
    dataClass: DataClass,
    path: readonly LineageNode[],
    ended?: Grant,
  ): PolicyFinding {
    const names = path.map(writtenName);
    const [used] = names;
    const end = names.at(-1);
    const of = end === used ? `is ${dataClass}` : `is made of ${end}, which is ${dataClass}`;
    const was = ended ? `; the grant ${ended.name} ended with ${ended.until}` : "";
    return {
      ...this.about(use, path),
      kind: "not-allowed",
      class: dataClass,
      message: `${use.name}: ${used} ${of} and may not serve ${refused.join(", ")} at ${use.stage}${was}`,
      next:
        dataClass === "sensitive"
          ? `take it out, or state its lawful basis under grants in ${this.check.file} and have it approved`
          : `take it out, or change ${this.check.file} (classes.${dataClass}.${use.stage}, or derived where it is no longer that)`,
    };
  }

  private notApproved(use: CheckedUse, grant: Grant, path: readonly LineageNode[]): PolicyFinding {
    return {
      ...this.about(use, path),
      kind: "not-approved",
      class: "sensitive",
      message: `${use.name}: ${writtenName(path[0]!)} is made of ${writtenName(path.at(-1)!)}, which is sensitive, and the grant ${grant.name} has not its signed approvals`,
      next: `inboxloop change propose data-policies ${grant.name}, then somebody else: inboxloop change approve data-policies ${grant.name}`,
    };
  }

  private about(use: CheckedUse, path: readonly LineageNode[]) {
    const { lineage, file } = this.check;
    return {
      use: use.name,
      stage: use.stage,
      purposes: use.purposes,
      path: path.map(writtenName),
      where: use.where ?? lineage.tables.get(path[0]!.table)?.file ?? file,
    };
  }
}

const stale = (file: string, where: string, name: string): PolicyFinding => ({
  kind: "stale",
  message: `the policy speaks of ${name}, and the project has no such column`,
  where: `${file} ${where}`,
  next: "take it out, or write it as the project does",
});

const unclassified = (file: string, node: LineageNode): PolicyFinding => ({
  kind: "unclassified",
  message: `${writtenName(node)} has no class`,
  where: file,
  next: `columns: { ${node.table}: { ${node.column}: ${dataClasses.join(" | ")} } }`,
});

/** Tables that keep rows and that no use at the stage of storage speaks of: nobody said what for. */
function withoutPurpose({ policy, lineage, more = [] }: PolicyCheck, nodes: readonly LineageNode[]): PolicyFinding[] {
  const uses = [...policy.uses, ...more].filter(({ stage }) => stage === "storage");
  const stated = new Set(uses.flatMap((use) => matching(nodes, use.of)).map(({ table }) => table));
  return [...lineage.tables.values()]
    .filter(
      ({ id, kind, columns }) => kind !== "declaration" && kind !== "view" && columns.length > 0 && !stated.has(id),
    )
    .map(({ id, file }) => ({
      kind: "without-purpose",
      message: `${id} is kept, and no use at the stage of storage says what for`,
      where: file,
      next: `uses: [{ name: ..., stage: storage, purposes: [...], of: [${id}] }]`,
    }));
}

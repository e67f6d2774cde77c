import { exitCodes, UserError } from "../../errors/user-error.ts";
import type { Graph } from "../../warehouse/dataform/graph.ts";
import type { RuleResult } from "../../warehouse/dataform/lineage-check.ts";
import type { LineageGraph, LineageNode, LineageTree } from "../../warehouse/dataform/lineage-graph.ts";
import type { RegisterCommand } from "../command.ts";
import { addProjectOptions, type ProjectOptions, withProject } from "../dataform-project.ts";
import type { Environment } from "../environment.ts";

interface LineageCommandOptions extends ProjectOptions {
  readonly up?: boolean;
  readonly down?: boolean;
  readonly depth?: string;
  readonly directOnly?: boolean;
  readonly openlineage?: boolean;
}

export const register: RegisterCommand = (program, environment) => {
  const command = program
    .command("lineage [column]")
    .description("Show what a column of the Dataform project is made of, and where it goes");
  addProjectOptions(command)
    .option("--up", "what it is made of, and what decides about it (default)")
    .option("--down", "where it goes")
    .option("--depth <n>", "at most so many steps away")
    .option("--direct-only", "only what values are made of, not what decides about them or about rows")
    .option("--openlineage", "print OpenLineage column facets of the column's table")
    .addHelpText(
      "after",
      "\n<column> is schema.table.column, a field of one, or schema.table for all its columns. `table.*` are its rows.\nAn action that lineage cannot follow is an error (exit code 4) for every question that meets it.\n",
    )
    .action(async (column: string | undefined, options: LineageCommandOptions) => {
      if (column === undefined) {
        throw new UserError("which column?", {
          code: "cli.lineage",
          exit: "usage",
          next: "inboxloop lineage features.message_features.opens_30d",
        });
      }
      const depth = options.depth === undefined ? undefined : Number(options.depth);
      if (depth !== undefined && !(Number.isInteger(depth) && depth > 0)) {
        throw new UserError(`--depth takes a whole number above 0, not "${options.depth}"`, {
          code: "cli.lineage",
          exit: "usage",
        });
      }
      const world = environment();
      const { lineage } = await readLineage(world, options);
      const nodes = lineage.select(column);
      if (options.openlineage === true) {
        const { openLineage } = await import("../../warehouse/dataform/openlineage.ts");
        const tables = [...new Set(nodes.map((node) => node.table))];
        const facets = openLineage(lineage, tables, {
          namespace: "bigquery",
          producer: "urn:inboxloop:lineage",
        });
        world.console.result(facets, () => JSON.stringify(facets, undefined, 2));
        return;
      }
      const trace = { depth, directOnly: options.directOnly };
      const isUp = options.up === true || options.down !== true;
      const answers = nodes.map((node) => ({
        column: node,
        ...(isUp ? { upstream: lineage.upstream(node, trace) } : {}),
        ...(options.down === true ? { downstream: lineage.downstream(node, trace) } : {}),
      }));
      world.console.result(answers.map(forJson), () => answers.map(renderAnswer).join("\n\n"));
    });
  command
    .command("check")
    .description("Prove that no label reaches a feature; exit code 4 with the path of one that does")
    .action(async (_: unknown, self: { optsWithGlobals(): ProjectOptions }) => {
      const { checkLineage } = await import("../../warehouse/dataform/lineage-check.ts");
      const world = environment();
      const { graph, lineage } = await readLineage(world, self.optsWithGlobals());
      const results = checkLineage(graph, lineage);
      world.console.result(results, () => results.map(renderRule).join("\n"));
      if (results.some((result) => result.leaks.length > 0)) process.exitCode = exitCodes.check;
    });
};

/** The lineage of the project. What it cannot follow is said once, where it begins; what only reads that is left out. */
const readLineage = (
  world: Environment,
  options: ProjectOptions,
): Promise<{ readonly graph: Graph; readonly lineage: LineageGraph }> =>
  withProject(world, options, async ({ graph, columnsOf }) => {
    const { lineageOf } = await import("../../warehouse/dataform/lineage.ts");
    const lineage = await lineageOf(graph, { columnsOf });
    const reads = new Map(graph.actions.map((action) => [action.id, action.dependsOn]));
    for (const { id, message, where } of lineage.problems.values()) {
      if (reads.get(id)?.some((other) => lineage.problems.has(other))) continue;
      world.console.warn(`the lineage of ${id} is not known: ${message}${where ? ` (${where})` : ""}`);
    }
    return { graph, lineage };
  });

interface Answer {
  readonly column: LineageNode;
  readonly upstream?: LineageTree;
  readonly downstream?: LineageTree;
}

const nameOf = ({ table, column }: LineageNode): string => (column === "*" ? `${table} (rows)` : `${table}.${column}`);

/** The trees without the edges' ends, which the nesting says. */
const forJson = ({ column, upstream, downstream }: Answer): unknown => ({
  column,
  ...(upstream ? { upstream: upstream.children.map(treeJson) } : {}),
  ...(downstream ? { downstream: downstream.children.map(treeJson) } : {}),
});

const treeJson = ({ node, edge, children, isRepeated }: LineageTree): unknown => ({
  ...node,
  type: edge?.isDirect ? "DIRECT" : "INDIRECT",
  subtypes: edge?.subtypes,
  ...(isRepeated ? { isRepeated } : { children: children.map(treeJson) }),
});

export function renderAnswer({ column, upstream, downstream }: Answer): string {
  const both = upstream !== undefined && downstream !== undefined;
  const lines = [nameOf(column)];
  if (both) lines.push("made of");
  if (upstream) lines.push(...branches(upstream.children, ""));
  if (both) lines.push("goes into");
  if (downstream) lines.push(...branches(downstream.children, ""));
  if (lines.length === 1)
    lines.push(upstream ? "  (made of nothing else: a source or a constant)" : "  (goes nowhere)");
  return lines.join("\n");
}

function branches(trees: readonly LineageTree[], indent: string): readonly string[] {
  const order = [...trees].sort((a, b) => Number(b.edge?.isDirect) - Number(a.edge?.isDirect));
  return order.flatMap((tree, i) => {
    const isLast = i === order.length - 1;
    const how = (tree.edge?.subtypes ?? []).join(", ").toLowerCase();
    const again = tree.isRepeated ? "  (see above)" : "";
    return [
      `${indent}${isLast ? "└─ " : "├─ "}${nameOf(tree.node)}  ${tree.edge?.isDirect ? how : `(${how})`}${again}`,
      ...branches(tree.children, `${indent}${isLast ? "   " : "│  "}`),
    ];
  });
}

export function renderRule(result: RuleResult): string {
  const { rule, claim, leaks } = result;
  if (leaks.length === 0) return `ok    ${rule}: ${claim} (${result.from} columns against ${result.to})`;
  const lines = leaks.flatMap((leak) =>
    leak.path.length === 0
      ? [`      ${leak.reason}`]
      : [
          `      ${leak.from}`,
          ...leak.path.map((edge) => `        -> ${nameOf(edge.to)}  ${edge.subtypes.join(", ").toLowerCase()}`),
        ],
  );
  return [`LEAK  ${rule}: ${claim}`, ...lines].join("\n");
}

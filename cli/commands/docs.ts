import type { CardColumn, TableCard } from "../../warehouse/dataform/table-card.ts";
import type { RegisterCommand } from "../command.ts";
import { addProjectOptions, type ProjectOptions } from "../dataform-project.ts";
import { renderTable } from "../table.ts";
import type { Documented, DocumentedTable } from "./docs/run.ts";

export const register: RegisterCommand = (program, environment) => {
  const command = program
    .command("docs [table]")
    .description(
      "What a table is for: its grain, owner, columns with their roles, freshness, and a query to begin with",
    );
  addProjectOptions(command)
    .addHelpText(
      "after",
      "\nWithout a table: all of them. Roles: id, feature, outcome, weight, time, dimension, measure.\n\nExample:\n  inboxloop docs training.examples\n",
    )
    .action(async (table: string | undefined, options: ProjectOptions) => {
      const { docsCommand } = await import("./docs/run.ts");
      const world = environment();
      const found = await docsCommand(world, table, options);
      world.console.result(found, () => ("tables" in found ? renderList(found) : renderCard(found)));
    });
};

const firstSentence = (text: string): string => /^.*?[.:](?=\s|$)/s.exec(text)?.[0].slice(0, -1) ?? text;

const renderList = ({ tables }: { readonly tables: readonly TableCard[] }): string =>
  renderTable(
    [{ title: "table" }, { title: "kind" }, { title: "owner" }, { title: "grain" }, { title: "purpose" }],
    tables.map((one) => [one.table, one.kind, one.owner ?? "", one.grain ?? "", short(firstSentence(one.purpose), 80)]),
  );

const short = (text: string, most: number): string => (text.length <= most ? text : `${text.slice(0, most - 1)}…`);

function renderCard(card: DocumentedTable): string {
  const { freshness } = card;
  const list = (names: readonly string[]) => (names.length === 0 ? "nothing" : names.join(", "));
  const hasOwners = card.columns.some(({ owner }) => owner !== null);
  return [
    `${card.table}  (${card.kind}, ${card.file})`,
    "",
    card.purpose,
    "",
    `grain:      ${card.grain ?? "not stated"}`,
    `owner:      ${card.owner ?? "not stated"}`,
    `reads:      ${list(card.reads)}`,
    `read by:    ${list(card.read_by)}`,
    `freshness:  ${renderFreshness(freshness)}`,
    "",
    renderTable(
      [
        { title: "column" },
        { title: "type" },
        { title: "role" },
        ...(hasOwners ? [{ title: "owner" }] : []),
        { title: "meaning" },
      ],
      card.columns.map((one: CardColumn) => [
        one.name,
        one.type ?? "",
        one.role ?? "",
        ...(hasOwners ? [one.owner ?? ""] : []),
        short(one.description, 100),
      ]),
    ),
    "",
    card.sample_query,
  ].join("\n");
}

function renderFreshness(freshness: Documented["freshness"]): string {
  if (freshness === null) return "not built here yet: inboxloop build";
  const { rows, newest, by } = freshness;
  const count = rows === null ? "" : `${rows.toLocaleString("en-US")} rows`;
  const latest = by === null ? "" : newest === null ? `no ${by} yet` : `newest ${by} ${newest}`;
  return [count, latest].filter((one) => one !== "").join(", ") || "a view: as fresh as what it reads";
}

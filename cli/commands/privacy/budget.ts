import { type Standing, standing } from "../../../governance/privacy-budget/spend.ts";
import type { Environment } from "../../environment.ts";
import { openPrivacyBudget } from "../../privacy-budget.ts";
import { renderTable } from "../../table.ts";

/** `inboxloop privacy budget`. */
export async function budgetCommand(environment: Environment, options: { readonly project?: string }): Promise<void> {
  const { budget, journal } = await openPrivacyBudget(environment, options);
  const { entries } = await journal.read();
  const now = environment.now();
  const all = Object.entries(budget.audiences).map(([name, audience]) => standing(name, audience, entries, now));
  environment.console.result(all, () => renderStandings(all));
}

const renderStandings = (all: readonly Standing[]): string =>
  renderTable(
    [
      { title: "audience" },
      { title: "period" },
      { title: "answers", align: "right" },
      { title: "epsilon spent", align: "right" },
      { title: "left", align: "right" },
      { title: "delta spent", align: "right" },
      { title: "left", align: "right" },
      { title: "renewed on" },
    ],
    all.map(({ audience, period, queries, spent, left, renewed_on }) => [
      audience,
      period,
      String(queries),
      String(spent.epsilon),
      String(left.epsilon),
      String(spent.delta),
      String(left.delta),
      renewed_on,
    ]),
  );

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors/user-error.ts";
import { type PrivacyBudget, parsePrivacyBudget, privacyBudgetFile } from "../governance/privacy-budget/budget.ts";
import {
  privacyBudgetJournal,
  privacyBudgetJournalName,
  type Spent,
} from "../governance/privacy-budget/budget-journal.ts";
import type { Journal } from "../platform/journal/journal.ts";
import { type ProjectOptions, projectDirOf } from "./dataform-project.ts";
import type { Environment } from "./environment.ts";

/** A project's privacy budget, with the file that it stands in and the journal of what was spent. */
export interface OpenBudget {
  readonly budget: PrivacyBudget;
  readonly file: string;
  readonly journal: Journal<Spent>;
}

/** Throws where the project states none: then nobody outside is told anything. */
export async function openPrivacyBudget(world: Environment, options: ProjectOptions = {}): Promise<OpenBudget> {
  const file = join(projectDirOf(options, world.cwd), privacyBudgetFile);
  if (!existsSync(file)) {
    throw new UserError("the project says nowhere what people outside may be told", {
      code: "privacy-budget.none",
      exit: "config",
      where: file,
      next: "docs/reference/differential-privacy.md has a privacy budget to begin with",
    });
  }
  const budget = parsePrivacyBudget(await readFile(file, "utf8"), file);
  return { budget, file, journal: world.target.journal(privacyBudgetJournalName, privacyBudgetJournal) };
}

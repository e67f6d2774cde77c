import { createHash } from "node:crypto";
import { UserError } from "../../../errors/user-error.ts";
import { refuseOverspending, type Standing, spend, standing } from "../../../governance/privacy-budget/spend.ts";
import { type PrivateQuery, readPrivateQuery } from "../../../warehouse/private-query.ts";
import type { QueryResult, Row } from "../../../warehouse/warehouse.ts";
import type { Environment } from "../../environment.ts";
import { openPrivacyBudget } from "../../privacy-budget.ts";

export interface AnswerForAudience extends QueryResult {
  /** How the audience stands after it. */
  readonly budget: Standing;
}

/** Answers a query out of an audience's privacy budget. The answer is shown only when its price is in the journal. */
export async function runForAudience(world: Environment, statement: string, name: string): Promise<AnswerForAudience> {
  const { budget, file, journal } = await openPrivacyBudget(world);
  const audience = budget.audiences[name];
  if (!audience) {
    throw new UserError(`there is no audience "${name}"`, {
      code: "privacy-budget.audience",
      exit: "usage",
      where: `audiences in ${file}`,
      next: `--audience ${Object.keys(budget.audiences).join(" | ")}`,
    });
  }
  const asked = readPrivateQuery(statement);
  if ("why" in asked) throw notPrivate(name, asked.why, asked.at, file);
  const unit = audience.tables[asked.table];
  if (unit === undefined) {
    throw new UserError(`${name} may not ask ${asked.table}`, {
      code: "privacy-budget.table",
      exit: "check",
      where: `audiences.${name}.tables in ${file}`,
      next: `ask ${Object.keys(audience.tables).join(" or ")}`,
    });
  }
  if (unit.toLowerCase() !== asked.unit) {
    throw new UserError(
      `the query protects ${asked.unit}, and of ${asked.table} it is ${unit} that must be protected`,
      {
        code: "privacy-budget.unit",
        exit: "check",
        where: `audiences.${name}.tables in ${file}`,
        next: `write privacy_unit_column = ${unit} in its OPTIONS`,
      },
    );
  }
  const before = standing(name, audience, (await journal.read()).entries, world.now());
  refuseOverspending(name, audience, asked, before, file);
  const warehouse = await world.target.openWarehouse();
  let result: QueryResult;
  try {
    result = await warehouse.query(statement, { signal: world.signal, file: "the statement" });
  } finally {
    await warehouse.close();
  }
  const price = { ...asked, statement: createHash("sha256").update(statement).digest("hex") };
  const after = await spend(journal, name, audience, price, world.now(), file);
  return { ...result, rows: inNoOrderOfOurs(result.rows, asked), budget: after };
}

/** The order in which the engine happens to give groups is made of the data too. */
function inNoOrderOfOurs(rows: readonly Row[], { isOrdered }: PrivateQuery): readonly Row[] {
  if (isOrdered) return rows;
  const textOf = (row: Row): string =>
    JSON.stringify(Object.values(row), (_, value) => (typeof value === "bigint" ? `${value}` : value));
  return rows
    .map((row) => ({ row, text: textOf(row) }))
    .sort((one, other) => (one.text < other.text ? -1 : 1))
    .map(({ row }) => row);
}

const notPrivate = (name: string, why: string, at: string, file: string): UserError =>
  new UserError(`what ${name} asks must be one SELECT WITH DIFFERENTIAL_PRIVACY over one table, and ${why}`, {
    code: "privacy-budget.not-private",
    exit: "check",
    where: `the statement, ${at}; audiences.${name} in ${file}`,
    next: `inboxloop query --audience ${name} --file governance/figures/rates_by_isp.sql`,
  });

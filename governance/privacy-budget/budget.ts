import { z } from "zod";
import { UserError } from "../../errors/user-error.ts";
import { checkedYaml } from "../../platform/checked-yaml.ts";

const name = z.string().regex(/^[a-z][a-z0-9_-]{0,63}$/, "lower-case letters, digits, dashes, underscores");
const share = z.strictObject({
  epsilon: z.number().positive().max(1e6),
  delta: z.number().min(0).lt(1),
});

/** How long an allowance lasts; then it is there anew. By whole days in UTC. */
export const periods = ["day", "month", "quarter", "year"] as const;
export type Period = (typeof periods)[number];

const audience = z
  .strictObject({
    means: z.string().trim().min(1),
    period: z.enum(periods),
    /** What all answers of a period may add up to. */
    allowance: share,
    /** What one query may ask for at most. */
    per_query: share,
    /** The tables that may be asked, each with the column whose values are protected: of one person all rows have the same. */
    tables: z.record(z.string(), z.string().regex(/^\w+$/, "the name of a column")),
  })
  .superRefine(({ tables }, context) => {
    const names = Object.keys(tables);
    if (names.length === 0) context.addIssue({ code: "custom", path: ["tables"], message: "names no table to ask" });
    for (const table of names)
      if (!/^\w+\.\w+$/.test(table))
        context.addIssue({ code: "custom", path: ["tables", table], message: "is not written as schema.table" });
  })
  .refine(({ allowance, per_query: one }) => one.epsilon <= allowance.epsilon && one.delta <= allowance.delta, {
    path: ["per_query"],
    message: "is more than the allowance of a whole period",
  });
export type Audience = z.infer<typeof audience>;

const shape = z.strictObject({ version: z.literal(1), audiences: z.record(name, audience) });
export type PrivacyBudget = z.infer<typeof shape>;

/** Where a project says what it tells whom. */
export const privacyBudgetFile = "governance/privacy-budget.yaml";

/** Reads a privacy budget. What is wrong is told with its line. */
export const parsePrivacyBudget = (text: string, file: string): PrivacyBudget =>
  checkedYaml(
    text,
    file,
    shape,
    (message, where) =>
      new UserError(`the privacy budget is not right: ${message}`, {
        code: "privacy-budget.shape",
        exit: "config",
        where,
        next: "docs/reference/differential-privacy.md says what each line means",
      }),
  );

/** The period that a moment is in, as it is written in the journal: `2026-11-30`, `2026-11`, `2026-Q4`, `2026`. */
export function periodOf(period: Period, now: Date): string {
  const day = now.toISOString().slice(0, 10);
  switch (period) {
    case "day":
      return day;
    case "month":
      return day.slice(0, 7);
    case "quarter":
      return `${day.slice(0, 4)}-Q${Math.floor(now.getUTCMonth() / 3) + 1}`;
    case "year":
      return day.slice(0, 4);
  }
}

/** The day on which the next period begins. */
export function nextPeriod(period: Period, now: Date): string {
  const [year, month, day] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()];
  const next = {
    day: Date.UTC(year, month, day + 1),
    month: Date.UTC(year, month + 1, 1),
    quarter: Date.UTC(year, month - (month % 3) + 3, 1),
    year: Date.UTC(year + 1, 0, 1),
  }[period];
  return new Date(next).toISOString().slice(0, 10);
}

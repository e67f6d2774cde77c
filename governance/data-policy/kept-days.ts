import type { DataPolicy } from "./data-policy.ts";

/**
 * For how many days after it was received a row of a table is kept; null: without an end. What is stated of the table, else the shortest of its columns' classes.
 * Throws on a table that the policy does not speak of.
 */
export function keptDays(policy: DataPolicy, table: string): number | null {
  const columns = policy.columns[table];
  if (!columns) throw new Error(`the data policy says nothing of ${table}`);
  const stated = policy.retention[table];
  if (stated) return stated.after_days;
  const classes = Object.values(columns).flatMap((one) => (typeof one === "string" ? [one] : Object.values(one)));
  const days = classes.flatMap((one) => policy.classes[one].deletion.after_days ?? []);
  return days.length === 0 ? null : Math.min(...days);
}

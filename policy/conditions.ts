import type { Inputs } from "./decision.ts";
import type { Condition } from "./schema.ts";

/** Whether the inputs meet a condition. An input that is missing or null meets no claim about it. */
export function meets(condition: Condition | undefined, inputs: Inputs): boolean {
  if (condition === undefined) return true;
  if ("all" in condition) return condition.all.every((one) => meets(one, inputs));
  if ("any" in condition) return condition.any.some((one) => meets(one, inputs));
  const value = inputs[condition.input];
  if (value === undefined || value === null) return false;
  if ("is" in condition) return condition.is.includes(value);
  if (typeof value !== "number") return false;
  return "at_least" in condition ? value >= condition.at_least : value < condition.below;
}

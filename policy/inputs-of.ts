import type { Condition, Policy } from "./schema.ts";

const inputsIn = (condition: Condition | undefined): readonly string[] => {
  if (!condition) return [];
  if ("all" in condition) return condition.all.flatMap(inputsIn);
  return "any" in condition ? condition.any.flatMap(inputsIn) : [condition.input];
};

/** Everything about a person or a request that a policy asks for by name, each once; without what the model takes. */
export function inputsOf(policy: Policy): readonly string[] {
  const { variants, rules, category, send_time: sendTime, audience, jurisdictions } = policy;
  return [
    ...new Set([
      ...[...variants, ...rules].flatMap(({ when }) => inputsIn(when)),
      ...(category ? [category.input] : []),
      ...(sendTime.mode === "best_hour" ? [sendTime.input] : []),
      ...(audience.segment === null ? [] : ["segments"]),
      ...(jurisdictions.length === 0 ? [] : ["region"]),
    ]),
  ];
}

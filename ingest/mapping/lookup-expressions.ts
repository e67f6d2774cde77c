import type { LookupExpression, Mapping } from "./schema.ts";

/** The expressions of a mapping that look something up. */
export function lookupsIn(mapping: Pick<Mapping, "rows">): readonly LookupExpression[] {
  const found: LookupExpression[] = [];
  const walk = (value: unknown): void => {
    if (value === null || typeof value !== "object") return;
    if ("lookup" in value) found.push(value as LookupExpression);
    for (const one of Object.values(value)) walk(one);
  };
  for (const { set } of mapping.rows) walk(set);
  return found;
}

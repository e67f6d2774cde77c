import type { z } from "zod";

/** What of a record fits its schema, and what had to be left out of it; or the first thing that cannot be left out. */
export type Fitted<Value> =
  | { readonly kind: "fits"; readonly value: Value; readonly leftOut: readonly string[] }
  | { readonly kind: "unfit"; readonly path: string; readonly isMissing: boolean; readonly code: string };

type Path = readonly PropertyKey[];

/** Nothing that a provider documents is nested deeper. */
const maximumRounds = 8;
/** So many names of what was left out are kept. */
const maximumNames = 20;

/**
 * Checks a record against a schema whose decorative fields are optional: one that is not of its documented type is left out and named, and the rest
 * decides. Paths of `needed` are never left out (`*` stands for any element), because without them the record would say something else.
 *
 *   fitTo(z.looseObject({ event: z.string(), pool: z.looseObject({}).nullish() }), { event: "click", pool: "eu" }, ["event"])
 *   => { kind: "fits", value: { event: "click" }, leftOut: ["pool"] }
 */
export function fitTo<Schema extends z.ZodType>(
  schema: Schema,
  record: unknown,
  needed: readonly string[],
): Fitted<z.output<Schema>> {
  const first = schema.safeParse(record);
  if (first.success) return { kind: "fits", value: first.data, leftOut: [] };
  const rest: unknown = structuredClone(record);
  const leftOut = new Set<string>();
  let issues = first.error.issues;
  for (let round = 0; round < maximumRounds; round++) {
    const paths: Path[] = [];
    for (const { path, code } of issues) {
      // What is absent cannot be left out: the part in which it is missing is.
      const isMissing = valueAt(rest, path) === undefined;
      const target = isMissing ? path.slice(0, -1) : path;
      if (target.length === 0 || isNeeded(target, needed))
        return { kind: "unfit", path: path.map(String).join(".") || "(the event itself)", isMissing, code };
      paths.push(target);
    }
    for (const path of paths.toSorted(byLastElement)) {
      if (remove(rest, path)) leftOut.add(path.map((key) => (typeof key === "number" ? "*" : String(key))).join("."));
    }
    const checked = schema.safeParse(rest);
    if (checked.success) return { kind: "fits", value: checked.data, leftOut: [...leftOut].slice(0, maximumNames) };
    issues = checked.error.issues;
  }
  return { kind: "unfit", path: "(the event itself)", isMissing: false, code: "invalid" };
}

const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | null | undefined)?.[key], value);

/** A path is needed where it leads to what is needed, or lies within it. */
const isNeeded = (path: Path, needed: readonly string[]): boolean =>
  needed.some((pattern) => {
    const keys = pattern.split(".");
    const shorter = Math.min(keys.length, path.length);
    return keys.slice(0, shorter).every((key, index) => key === "*" || key === String(path[index]));
  });

/** Later elements of a list go first, so that the places of the others stay. */
const byLastElement = (a: Path, b: Path): number => {
  const [last, other] = [a.at(-1), b.at(-1)];
  return typeof last === "number" && typeof other === "number" ? other - last : b.length - a.length;
};

function remove(value: unknown, path: Path): boolean {
  const holder = valueAt(value, path.slice(0, -1));
  const key = path.at(-1);
  if (holder === null || typeof holder !== "object" || key === undefined) return false;
  if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else delete (holder as Record<PropertyKey, unknown>)[key];
  return true;
}

import type { Json } from "./json-tree.ts";

/** JSON_CONTAINS: whether the one holds the other, by the rules of public/functions/json.cc. */
export function containsJson(value: Json, part: Json, isTop = true): boolean {
  if (part.kind === "object") {
    if (value.kind !== "object") return false;
    return part.members.every(([key, wanted]) => {
      const member = value.members.find(([name]) => name === key)?.[1];
      return member !== undefined && containsJson(member, wanted, false);
    });
  }
  if (part.kind === "array") {
    if (value.kind !== "array") return false;
    return part.items.every((wanted) => value.items.some((item) => containsJson(item, wanted, false)));
  }
  // Only an array at the top may be asked for a scalar.
  if (value.kind === "array") return isTop && value.items.some((item) => containsJson(item, part, false));
  if (value.kind === "object") return false;
  if (value.kind === "number") return part.kind === "number" && sameNumber(value.text, part.text);
  if (value.kind === "null" || part.kind === "null") return value.kind === part.kind;
  return value.kind === part.kind && value.value === (part as typeof value).value;
}

/** A whole number is what it says, any other one the double that is nearest; compared without loss. */
function sameNumber(a: string, b: string): boolean {
  const [x, y] = [a, b].map((text) => {
    const whole = /^-?\d+$/.test(text) ? BigInt(text) : undefined;
    if (whole !== undefined && whole >= -(2n ** 63n) && whole < 2n ** 64n) return whole;
    const double = Number(text);
    return Number.isInteger(double) ? BigInt(double) : double;
  });
  return x === y;
}

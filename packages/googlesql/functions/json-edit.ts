/** JSON_SET, JSON_REMOVE, JSON_STRIP_NULLS, JSON_ARRAY_APPEND, JSON_ARRAY_INSERT over JSON trees; nothing is changed in place. */
import { type Json, type PathStep, sortedMembers } from "./json-tree.ts";

const nothing: Json = { kind: "null" };

const member = (value: Json, step: PathStep): Json | undefined => {
  if (value.kind === "object") return value.members.find(([key]) => key === String(step))?.[1];
  if (value.kind === "array" && typeof step === "number") return value.items[step];
  return undefined;
};

export const jsonAt = (value: Json, path: readonly PathStep[]): Json | undefined =>
  path.reduce<Json | undefined>((at, step) => at && member(at, step), value);

const withMember = (value: Json & { kind: "object" }, key: string, to: Json): Json => ({
  kind: "object",
  members: sortedMembers([[key, to], ...value.members.filter(([name]) => name !== key)]),
});

const withItem = (items: readonly Json[], index: number, to: Json): Json => {
  const padded = [...items];
  while (padded.length < index) padded.push(nothing);
  padded[index] = to;
  return { kind: "array", items: padded };
};

/** Puts a value at a path, building what is missing (unless told not to); a path through a scalar changes nothing. */
export function setJson(value: Json, path: readonly PathStep[], to: Json, create: boolean): Json {
  const [step, ...rest] = path;
  if (step === undefined) return to;
  const inside = member(value, step);
  if (inside !== undefined) {
    const changed = setJson(inside, rest, to, create);
    if (changed === inside) return value;
    if (value.kind === "object") return withMember(value, String(step), changed);
    return value.kind === "array" ? withItem(value.items, Number(step), changed) : value;
  }
  if (!create) return value;
  if (value.kind === "object" && typeof step === "string")
    return withMember(value, step, setJson(nothing, rest, to, create));
  if (value.kind === "array" && typeof step === "number" && step >= 0)
    return withItem(value.items, step, setJson(nothing, rest, to, create));
  if (value.kind === "null") {
    if (typeof step === "string") return { kind: "object", members: [[step, setJson(nothing, rest, to, create)]] };
    if (step >= 0) return withItem([], step, setJson(nothing, rest, to, create));
  }
  return value;
}

export function removeJson(value: Json, path: readonly PathStep[]): Json {
  const [step, ...rest] = path;
  if (step === undefined) throw new Error("The JSONPath cannot be '$'");
  const inside = member(value, step);
  if (inside === undefined) return value;
  if (value.kind === "object") {
    if (rest.length > 0) return withMember(value, String(step), removeJson(inside, rest));
    return { kind: "object", members: value.members.filter(([key]) => key !== String(step)) };
  }
  if (value.kind !== "array") return value;
  const items = [...value.items];
  if (rest.length > 0) items[step as number] = removeJson(inside, rest);
  else items.splice(step as number, 1);
  return { kind: "array", items };
}

export function stripNulls(value: Json, arrays: boolean, empty: boolean): Json {
  const isGone = (one: Json): boolean =>
    one.kind === "null" ||
    (empty &&
      ((arrays && one.kind === "array" && one.items.length === 0) ||
        (one.kind === "object" && one.members.length === 0)));
  if (value.kind === "object") {
    const members = value.members
      .map(([key, one]) => [key, stripNulls(one, arrays, empty)] as const)
      .filter(([, one]) => !isGone(one));
    return { kind: "object", members };
  }
  if (value.kind === "array") {
    const items = value.items.map((one) => stripNulls(one, arrays, empty));
    return { kind: "array", items: arrays ? items.filter((one) => !isGone(one)) : items };
  }
  return value;
}

/** As `stripNulls`, at a path; what has become empty altogether is null. */
export function stripNullsAt(value: Json, path: readonly PathStep[], arrays: boolean, empty: boolean): Json {
  const inside = jsonAt(value, path);
  if (inside === undefined) return value;
  let stripped = stripNulls(inside, arrays, empty);
  if (
    empty &&
    ((arrays && stripped.kind === "array" && stripped.items.length === 0) ||
      (stripped.kind === "object" && stripped.members.length === 0))
  ) {
    stripped = nothing;
  }
  return setJson(value, path, stripped, false);
}

const elements = (value: Json, each: boolean): readonly Json[] =>
  each && value.kind === "array" ? value.items : [value];

export function appendJson(value: Json, path: readonly PathStep[], added: Json, each: boolean): Json {
  const inside = jsonAt(value, path);
  if (inside?.kind === "null") return setJson(value, path, { kind: "array", items: elements(added, each) }, false);
  if (inside?.kind !== "array") return value;
  return setJson(value, path, { kind: "array", items: [...inside.items, ...elements(added, each)] }, false);
}

export function insertJson(value: Json, path: readonly PathStep[], added: Json, each: boolean): Json {
  const index = path.at(-1);
  if (typeof index !== "number" || index < 0) return value;
  const list = path.slice(0, -1);
  const inside = jsonAt(value, list);
  if (inside === undefined || (inside.kind !== "array" && inside.kind !== "null")) return value;
  const items = inside.kind === "array" ? [...inside.items] : [];
  const inserted = elements(added, each);
  // Nothing to insert past the end still makes the place that was named.
  while (items.length < index || (inserted.length === 0 && items.length === index)) items.push(nothing);
  items.splice(index, 0, ...inserted);
  return setJson(value, list, { kind: "array", items }, false);
}

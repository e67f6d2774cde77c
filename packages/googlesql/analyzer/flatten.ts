import type { Expression, Identifier, NodeBase, Subscript } from "../ast.ts";
import { arrayOf, duckdbType, typeName } from "../types.ts";
import type { Analysis, Context } from "./context.ts";
import { resolve } from "./expressions.ts";
import { fieldOf, lookUpPath } from "./names.ts";
import { subscriptOf } from "./subscript.ts";
import { flagsOf, type Typed } from "./typed.ts";

/** A path that has met an array: what each element gives, in terms of `element`, is not yet put together. */
interface Flat {
  readonly array: Typed;
  readonly element: string;
  readonly step: Typed;
}

type Walked = { readonly kind: "value"; readonly value: Typed } | { readonly kind: "flat"; readonly flat: Flat };

/**
 * An expression where arrays are passed through: the argument of FLATTEN and of UNNEST. A field of an array of structs is the
 * array of that field of every element, arrays in it put one behind the other; a NULL element gives NULL, or nothing where the
 * field is an array. As FlattenExpr of GoogleSQL's reference evaluator has it.
 */
export function resolveFlattened(a: Analysis, node: Expression, cx: Context): Typed {
  const walked = walk(a, node, cx);
  return walked.kind === "value" ? walked.value : closed(a, node, walked.flat);
}

function walk(a: Analysis, node: Expression, cx: Context): Walked {
  switch (node.kind) {
    case "path": {
      const { value, rest } = lookUpPath(a, node, cx);
      return rest.reduce((walked: Walked, field) => fieldStep(a, field, walked, field), { kind: "value", value });
    }
    case "field-access":
      return fieldStep(a, node.field, walk(a, node.object, cx), node.field);
    case "subscript": {
      const object = walk(a, node.object, cx);
      if (object.kind === "value") return { kind: "value", value: subscriptOf(a, node, object.value, cx) };
      return { kind: "flat", flat: subscriptStep(a, node, object.flat, cx) };
    }
    default:
      return { kind: "value", value: resolve(a, node, cx) };
  }
}

function fieldStep(a: Analysis, node: NodeBase, walked: Walked, field: Identifier): Walked {
  if (walked.kind === "value" && walked.value.type.kind !== "ARRAY") {
    return { kind: "value", value: fieldOf(a, node, walked.value, field) };
  }
  if (walked.kind === "flat" && walked.flat.step.type.kind !== "ARRAY") {
    return { kind: "flat", flat: { ...walked.flat, step: fieldOf(a, node, walked.flat.step, field) } };
  }
  const array = walked.kind === "value" ? walked.value : closed(a, node, walked.flat);
  if (array.type.kind !== "ARRAY") return a.fail(node, `Cannot access field ${field.name}`);
  const element = a.fresh("x");
  const one: Typed = { sql: element, type: array.type.element, isSimple: true };
  return { kind: "flat", flat: { array, element, step: fieldOf(a, node, one, field) } };
}

/** `items.prices[OFFSET(1)]` takes one of the prices of each item. */
function subscriptStep(a: Analysis, node: Subscript, flat: Flat, cx: Context): Flat {
  if (flat.step.type.kind !== "ARRAY" && flat.step.type.kind !== "JSON") {
    return a.fail(node, `Subscript access using [] is not supported on values of type ${typeName(flat.step.type)}`);
  }
  return { ...flat, step: subscriptOf(a, node, flat.step, cx) };
}

function closed(a: Analysis, node: NodeBase, { array, element, step }: Flat): Typed {
  if (step.hasSubquery) a.refuse(node, "lambda_with_subquery", "a subquery in a path through an array");
  const flags = flagsOf(array, step);
  if (step.type.kind !== "ARRAY") {
    const guarded = step.canFail ? `CASE WHEN ${element} IS NULL THEN NULL ELSE ${step.sql} END` : step.sql;
    return { sql: `list_transform(${array.sql}, lambda ${element}: ${guarded})`, type: arrayOf(step.type), ...flags };
  }
  const empty = `CAST([] AS ${duckdbType(step.type)})`;
  const inner = `CASE WHEN ${element} IS NULL THEN ${empty} ELSE COALESCE(${step.sql}, ${empty}) END`;
  return { sql: `flatten(list_transform(${array.sql}, lambda ${element}: ${inner}))`, type: step.type, ...flags };
}

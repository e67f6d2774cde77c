import { impliedName } from "../analyzer/expressions.ts";
import type { Expression, Query, StructConstructor, TypeName, ValueSource, WindowName, WindowSpec } from "../ast.ts";
import { callValue } from "./call.ts";
import { deciding, merge, none, type Provenance, rowsAs, transformed, withoutRows } from "./provenance.ts";
import { resolveQuery } from "./query.ts";
import { type Analysis, type Context, fieldOf, localScope, type Relation, resolvePath } from "./scope.ts";
import {
  also,
  computed,
  constant,
  elementOf,
  keyOf,
  oneOf,
  plain,
  type Shape,
  shaped,
  total,
  transformedValue,
  type Value,
} from "./value.ts";

/** What an expression is made of. Throws GoogleSqlError for what it does not understand. */
export function resolveValue(a: Analysis, node: Expression, cx: Context): Value {
  const each = (...nodes: readonly (Expression | undefined)[]): Value =>
    computed(...nodes.flatMap((one) => (one ? [resolveValue(a, one, cx)] : [])));
  switch (node.kind) {
    case "null-literal":
    case "boolean-literal":
    case "integer-literal":
    case "float-literal":
    case "string-literal":
    case "bytes-literal":
    case "typed-literal":
    case "range-literal":
    case "named-parameter":
    case "positional-parameter":
    case "system-variable":
      return constant;
    case "interval":
      return each(node.value);
    case "path":
      return resolvePath(a, node, cx.scope);
    case "field-access":
      return fieldOf(a, node.field, resolveValue(a, node.object, cx));
    case "subscript": {
      const object = resolveValue(a, node.object, cx);
      if (object.isJson && node.index.kind === "string-literal") return keyOf(object, node.index.value);
      return also(transformedValue(elementOf(object)), deciding(total(resolveValue(a, node.index, cx)), "CONDITIONAL"));
    }
    case "unary":
      return each(node.operand);
    case "binary":
    case "is-distinct-from":
      if (node.kind === "binary" && node.operator === "||") return concatenated(a, [node.left, node.right], cx);
      return each(node.left, node.right);
    case "logical":
      return each(...node.operands);
    case "is-test":
      return each(node.operand);
    case "in":
    case "quantified-like": {
      const source = sourceProvenance(a, node.source, cx);
      return also(each(node.operand), source);
    }
    case "between":
      return each(node.operand, node.low, node.high);
    case "like":
      return each(node.operand, node.pattern);
    case "case": {
      const tests = [node.operand, ...node.branches.map((branch) => branch.when)].flatMap((one) => (one ? [one] : []));
      const results = node.branches.map((branch) => branch.then);
      return chosen(a, tests, node.otherwise ? [...results, node.otherwise] : results, cx);
    }
    case "cast": {
      const value = resolveValue(a, node.operand, cx);
      const shape = shapeOfName(a, node.type);
      const cast = transformedValue(shape.kind === "plain" ? { own: total(value) } : shaped(value, shape));
      return also(cast, total(each(node.format, node.timeZone)));
    }
    case "extract":
      return each(node.operand, node.timeZone);
    case "array-constructor":
      return { own: none, element: oneOf([constant, ...node.elements.map((one) => resolveValue(a, one, cx))]) };
    case "struct-constructor":
      return structValue(a, node, cx);
    case "scalar-subquery": {
      const relation = subquery(a, node.query, cx);
      return also(onlyColumn(a, node.query, relation), relation.rows);
    }
    case "array-subquery": {
      const relation = subquery(a, node.query, cx);
      return { own: relation.rows, element: onlyColumn(a, node.query, relation) };
    }
    case "exists":
      return { own: existence(subquery(a, node.query, cx)) };
    case "function-call":
      return callValue(a, node, cx);
    case "with-expression": {
      const locals: [string, Value][] = [];
      for (const binding of node.bindings) {
        const scope = localScope(locals, cx.scope);
        locals.push([binding.name.name, resolveValue(a, binding.value, { ...cx, scope })]);
      }
      return resolveValue(a, node.body, { ...cx, scope: localScope(locals, cx.scope) });
    }
  }
}

/** One of several results, chosen by conditions. */
export function chosen(a: Analysis, tests: readonly Expression[], results: readonly Expression[], cx: Context): Value {
  const by = tests.map((test) => deciding(total(resolveValue(a, test, cx)), "CONDITIONAL"));
  return also(transformedValue(oneOf(results.map((result) => resolveValue(a, result, cx)))), ...by);
}

/** Strings, bytes or arrays in a row; arrays keep what their elements are built of. */
export function concatenated(a: Analysis, nodes: readonly Expression[], cx: Context): Value {
  const values = nodes.map((node) => resolveValue(a, node, cx));
  return transformedValue(values.some((value) => value.element) ? oneOf(values) : { own: merge(...values.map(total)) });
}

export function subquery(a: Analysis, query: Query, cx: Context): Relation {
  return resolveQuery(a, query, cx.scope, cx.tables);
}

function onlyColumn(a: Analysis, node: Query, relation: Relation): Value {
  if (relation.columns.length !== 1) return a.fail(node, "An expression subquery must have one column");
  return relation.columns[0]!.value;
}

const existence = (relation: Relation): Provenance =>
  merge(withoutRows(relation.rows), rowsAs(relation.rows, "TRANSFORMATION"));

function sourceProvenance(a: Analysis, source: ValueSource, cx: Context): Provenance {
  switch (source.kind) {
    case "value-list":
      return transformed(merge(...source.items.map((item) => total(resolveValue(a, item, cx)))));
    case "value-unnest":
      return transformed(total(resolveValue(a, source.array, cx)));
    case "value-subquery": {
      const relation = subquery(a, source.query, cx);
      return merge(transformed(total(onlyColumn(a, source.query, relation))), relation.rows);
    }
  }
}

function structValue(a: Analysis, node: StructConstructor, cx: Context): Value {
  const declared = node.type && shapeOfName(a, node.type);
  const fields = node.fields.map((field) => ({
    name: node.form === "untyped" ? (field.alias?.name ?? impliedName(field.expression)) : undefined,
    value: resolveValue(a, field.expression, cx),
  }));
  const value: Value = { own: none, fields };
  return declared ? shaped(value, declared) : value;
}

/** The build of a type that is written out. */
export function shapeOfName(a: Analysis, type: TypeName): Shape {
  switch (type.kind) {
    case "simple-type":
    case "range-type":
      return plain;
    case "array-type":
      return { kind: "array", element: shapeOfName(a, type.element) };
    case "struct-type":
      return {
        kind: "struct",
        fields: type.fields.map((field) => ({ name: field.name?.name, shape: shapeOfName(a, field.type) })),
      };
    case "templated-type":
      return a.refuse(type, "ANY_TYPE");
  }
}

/** What PARTITION BY, ORDER BY and the frame of a window are made of. */
export function windowProvenance(a: Analysis, over: WindowSpec | WindowName, cx: Context): Provenance {
  if (over.kind === "window-name") return namedWindow(a, over, over.name.name, cx);
  const inner: Context = { ...cx, windows: new Map() };
  const nodes = [
    ...over.partitionBy,
    ...over.orderBy.map((item) => item.expression),
    ...[over.frame?.start.offset, over.frame?.end?.offset].flatMap((one) => (one ? [one] : [])),
  ];
  const base = over.base ? namedWindow(a, over, over.base.name, cx) : none;
  return merge(base, ...nodes.map((node) => deciding(total(resolveValue(a, node, inner)), "WINDOW")));
}

function namedWindow(a: Analysis, at: WindowSpec | WindowName, name: string, cx: Context): Provenance {
  const spec = cx.windows.get(name.toLowerCase());
  if (!spec) return a.fail(at, `Window ${name} does not exist`);
  const others = new Map([...cx.windows].filter(([key]) => key !== name.toLowerCase()));
  return windowProvenance(a, spec, { ...cx, windows: others });
}

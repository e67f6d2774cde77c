import type { Identifier, NodeBase, PathExpression } from "../ast.ts";
import { stringText, structText } from "../emit/text.ts";
import { JSON_TYPE, structFieldName, typeName } from "../types.ts";
import type { Analysis, Context } from "./context.ts";
import type { Column, RangeVariable, Scope } from "./scope.ts";
import { flagsOf, type Typed } from "./typed.ts";

export const columnValue = (column: Column): Typed => ({
  sql: column.sql,
  type: column.type,
  isSimple: true,
  isNeverNull: column.isNeverNull,
});

/** What the bare alias of a table means: the row as a value. */
export function rowValue(range: RangeVariable): Typed {
  if (range.value) return columnValue(range.value);
  return {
    sql: structText(range.columns.map((column) => column.sql)),
    type: { kind: "STRUCT", fields: range.columns.map((column) => ({ name: column.name, type: column.type })) },
    isNeverNull: true,
  };
}

interface Found {
  readonly value: Typed;
  readonly scope: Scope | undefined;
  /** How many parts of the path the value took. */
  readonly taken: number;
}

function find(a: Analysis, node: PathExpression, cx: Context): Found {
  const first = node.parts[0]!;
  const found = lookUp(a, node.parts, cx.scope);
  if (found) return found;
  if (node.parts.length === 1) refusePseudoColumn(a, first);
  return a.fail(
    first,
    `Unrecognized name: ${node.parts.map((part) => part.name).join(".")}${suggestion(first.name, cx.scope)}`,
  );
}

/** A column that BigQuery adds to a table partitioned by the time of arrival, and that is not kept of this one. */
function refusePseudoColumn(a: Analysis, name: Identifier): void {
  if (a.partitions.lacksPseudoColumn(name.name))
    a.refuse(name, name.name.toUpperCase(), "it is not kept of this table");
}

/** A dotted path: the innermost scope that knows its first part decides; what is left are fields. */
export function resolvePath(a: Analysis, node: PathExpression, cx: Context): Typed {
  const found = find(a, node, cx);
  let { value } = found;
  let key = found.scope?.grouped?.get(value.sql);
  let grouped = found.scope?.grouped === undefined || key !== undefined;
  if (key) value = key;
  for (const part of node.parts.slice(found.taken)) {
    value = fieldOf(a, part, value, part);
    if (!grouped) {
      key = found.scope?.grouped?.get(value.sql);
      if (key) {
        value = key;
        grouped = true;
      }
    }
  }
  if (!grouped) {
    const name = node.parts.map((part) => part.name).join(".");
    a.fail(node, `${cx.clause} references ${name} which is neither grouped nor aggregated`);
  }
  return value;
}

/** The text of the column that a path names or begins with; undefined for what is no column: a variable, an argument. */
export const columnAt = (a: Analysis, node: PathExpression, cx: Context): string | undefined => {
  const found = lookUp(a, node.parts, cx.scope);
  return found?.scope && found.value.sql;
};

/** The value that a path begins with, and the fields that are left; the whole of it where it stands after GROUP BY. */
export function lookUpPath(
  a: Analysis,
  node: PathExpression,
  cx: Context,
): { readonly value: Typed; readonly rest: readonly Identifier[] } {
  const found = find(a, node, cx);
  const grouped = found.scope?.grouped;
  if (!grouped) return { value: found.value, rest: node.parts.slice(found.taken) };
  for (let end = found.taken; end <= node.parts.length; end++) {
    const start = node.parts.slice(0, end);
    const value = start.slice(found.taken).reduce((inner, part) => fieldOf(a, part, inner, part), found.value);
    const key = grouped.get(value.sql);
    if (key) return { value: key, rest: node.parts.slice(end) };
    if (value.type.kind !== "STRUCT") break;
  }
  return { value: resolvePath(a, node, cx), rest: [] };
}

function lookUp(a: Analysis, parts: readonly Identifier[], from: Scope): Found | undefined {
  const first = parts[0]!;
  const name = first.name.toLowerCase();
  const ambiguous = (): never => a.fail(first, `Column name ${first.name} is ambiguous`);
  for (let scope: Scope | undefined = from; scope; scope = scope.parent) {
    const local = scope.locals.get(name);
    if (local?.fault !== undefined) return a.fail(first, local.fault);
    if (local?.isAmbiguous) return ambiguous();
    if (local) {
      a.named(scope, local, []);
      return { value: local, scope: undefined, taken: 1 };
    }
    const range = scope.ranges.get(name);
    if (range === "ambiguous") return ambiguous();
    if (range) {
      const second = parts[1];
      if (!second) {
        const whole = rowValue(range);
        a.named(scope, whole, range.value ? [range.value] : range.columns);
        // A grouped row: every part of it must be grouped, which only the parts can tell.
        return { value: whole, scope, taken: 1 };
      }
      const column = columnOf(a, second, range);
      if (column) return ofColumn(a, scope, column, 2);
      if (range.value) return ofColumn(a, scope, range.value, 1);
      refusePseudoColumn(a, second);
      return a.fail(second, `Name ${second.name} not found inside ${first.name}`);
    }
    const column = scope.columns.get(name);
    if (column === "ambiguous") return ambiguous();
    if (column) return ofColumn(a, scope, column, 1);
  }
  const variable = a.variables.get(name);
  if (variable) return { value: variable, scope: undefined, taken: 1 };
  return undefined;
}

function ofColumn(a: Analysis, scope: Scope, column: Column, taken: number): Found {
  const value = columnValue(column);
  a.named(scope, value, [column]);
  return { value, scope, taken };
}

function columnOf(a: Analysis, name: Identifier, range: RangeVariable): Column | undefined {
  const wanted = name.name.toLowerCase();
  const found = [...range.columns, ...(range.hidden ?? [])].filter((column) => column.name?.toLowerCase() === wanted);
  if (found.length > 1) a.fail(name, `Column name ${name.name} is ambiguous`);
  return found[0];
}

/** `value.field`, of a STRUCT or a JSON value. */
export function fieldOf(a: Analysis, node: NodeBase, value: Typed, field: Identifier): Typed {
  if (value.type.kind === "JSON") return jsonField(value, field.name);
  if (value.type.kind !== "STRUCT") {
    return a.fail(node, `Cannot access field ${field.name} on a value with type ${typeName(value.type)}`);
  }
  const wanted = field.name.toLowerCase();
  const index = value.type.fields.findIndex((candidate) => candidate.name?.toLowerCase() === wanted);
  if (index < 0) return a.fail(node, `Field name ${field.name} does not exist in ${typeName(value.type)}`);
  if (value.type.fields.some((candidate, i) => i > index && candidate.name?.toLowerCase() === wanted)) {
    return a.fail(node, `Struct field name ${field.name} is ambiguous`);
  }
  return fieldAt(value, index);
}

export function fieldAt(value: Typed, index: number): Typed {
  const type = value.type as { readonly fields: readonly { readonly type: Typed["type"] }[] };
  return {
    sql: `(${value.sql}).${structFieldName(index)}`,
    type: type.fields[index]!.type,
    isSimple: value.isSimple,
    ...flagsOf(value),
  };
}

export function jsonField(value: Typed, key: string): Typed {
  const sql = `gs_json_key(${value.sql}, ${stringText(key)})`;
  return { sql, type: JSON_TYPE, ...flagsOf(value) };
}

function suggestion(name: string, scope: Scope): string {
  const wanted = name.toLowerCase();
  let best: string | undefined;
  let distance = 3;
  for (let at: Scope | undefined = scope; at; at = at.parent) {
    for (const candidate of [...at.columns.keys(), ...at.ranges.keys()]) {
      const d = editDistance(wanted, candidate, distance);
      if (d < distance) {
        distance = d;
        best = candidate;
      }
    }
  }
  return best ? `; Did you mean ${best}?` : "";
}

function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}

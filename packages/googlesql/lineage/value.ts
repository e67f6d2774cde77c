import type { GoogleSqlType } from "../types.ts";
import { aggregated, merge, none, type Provenance, single, sourceKey, transformed } from "./provenance.ts";

/** What a value is made of: as a whole, and apart for each field of a STRUCT or for the elements of an ARRAY where known. */
export interface Value {
  /** Takes part in the whole value, all fields and elements included. */
  readonly own: Provenance;
  readonly fields?: readonly Field[] | undefined;
  readonly element?: Value | undefined;
  /** The fields are keys of a JSON object, and the last of them, `otherKeys`, is all that are not named. */
  readonly isJson?: true | undefined;
}

export interface Field {
  readonly name: string | undefined;
  readonly value: Value;
}

/** How a column is built, as far as lineage tells its parts apart. */
export type Shape =
  | { readonly kind: "plain" }
  | {
      readonly kind: "struct";
      readonly fields: readonly { readonly name: string | undefined; readonly shape: Shape }[];
      readonly isJson?: true | undefined;
    }
  | { readonly kind: "array"; readonly element: Shape };

export const plain: Shape = { kind: "plain" };

/** The name of the keys of a JSON object that nobody named. */
export const otherKeys = "*";

/** A JSON object whose keys are told apart, those that are not named together. */
export const jsonShape = (keys: readonly string[]): Shape => ({
  kind: "struct",
  fields: [...keys.filter((key) => key !== otherKeys), otherKeys].map((name) => ({ name, shape: plain })),
  isJson: true,
});

/** What stands under a key of a JSON value; all of it where its keys are not told apart. */
export function keyOf(value: Value, key: string): Value {
  if (!value.isJson) return computed(value);
  const found = value.fields?.find(({ name }) => name === key) ?? value.fields?.find(({ name }) => name === otherKeys);
  return found ? also(transformedValue(found.value), transformed(value.own)) : computed(value);
}
export const constant: Value = { own: none };

export function shapeOfType(type: GoogleSqlType): Shape {
  if (type.kind === "ARRAY") return { kind: "array", element: shapeOfType(type.element) };
  if (type.kind !== "STRUCT") return plain;
  return {
    kind: "struct",
    fields: type.fields.map((field) => ({ name: field.name || undefined, shape: shapeOfType(field.type) })),
  };
}

export function shapeOf(value: Value): Shape {
  if (value.element) return { kind: "array", element: shapeOf(value.element) };
  if (!value.fields) return plain;
  const fields = value.fields.map(({ name, value: field }) => ({ name, shape: shapeOf(field) }));
  return { kind: "struct", fields, ...(value.isJson && { isJson: true }) };
}

/** A name for a field in a column path; anonymous ones are counted from 0. */
export const stepName = (name: string | undefined, index: number): string => name ?? `_${index}`;

/** A column of a table, down to its fields. The elements of an array share the path of the array, as in BigQuery's schemas. */
export function sourceValue(table: string, path: string, shape: Shape): Value {
  if (shape.kind === "plain") return { own: single(sourceKey(table, path), "IDENTITY") };
  if (shape.kind === "array") return { own: none, element: sourceValue(table, path, shape.element) };
  const fields = shape.fields.map(({ name, shape: inner }, i) => ({
    name,
    value: sourceValue(table, `${path}.${stepName(name, i)}`, inner),
  }));
  return { own: none, fields, ...(shape.isJson && { isJson: true }) };
}

/** All that the value is made of. */
export function total(value: Value): Provenance {
  const parts = value.fields?.map((field) => total(field.value)) ?? (value.element ? [total(value.element)] : []);
  return parts.length === 0 ? value.own : merge(value.own, ...parts);
}

/** The parts of a column that have a provenance of their own: path within the column ("" for the whole), and all of it. */
export function leaves(value: Value, path = ""): readonly { readonly path: string; readonly from: Provenance }[] {
  const withOwn = (inner: Value): Value => ({ ...inner, own: merge(inner.own, value.own) });
  if (value.element) return leaves(withOwn(value.element), path);
  if (!value.fields) return [{ path, from: value.own }];
  return value.fields.flatMap((field, i) =>
    leaves(withOwn(field.value), path === "" ? stepName(field.name, i) : `${path}.${stepName(field.name, i)}`),
  );
}

/** Adds what takes part in the whole. */
export const also = (value: Value, ...more: readonly Provenance[]): Value => ({
  ...value,
  own: merge(value.own, ...more),
});

/** Changes the provenance of every part, the shape stays. */
export function mapValue(value: Value, change: (provenance: Provenance) => Provenance): Value {
  return {
    own: change(value.own),
    fields: value.fields?.map(({ name, value: field }) => ({ name, value: mapValue(field, change) })),
    element: value.element && mapValue(value.element, change),
    ...(value.isJson && { isJson: true }),
  };
}

export const transformedValue = (value: Value): Value => mapValue(value, transformed);
export const aggregatedValue = (value: Value): Value => mapValue(value, aggregated);

/** A plain value computed from others. */
export const computed = (...values: readonly Value[]): Value => ({ own: transformed(merge(...values.map(total))) });

/** One of several: the branches of a CASE, the rows of a UNION. Fields stay apart where all that have them agree. */
export function oneOf(values: readonly Value[]): Value {
  if (values.length === 1) return values[0]!;
  const width = values.find((value) => value.fields)?.fields;
  const isArray = values.some((value) => value.element);
  if (values.some((value) => value.isJson)) return oneOfJson(values);
  if (width && !isArray && values.every((value) => !value.fields || value.fields.length === width.length)) {
    const structs = values.filter((value) => value.fields);
    return {
      own: merge(...values.map((value) => value.own)),
      fields: width.map(({ name }, i) => ({ name, value: oneOf(structs.map((value) => value.fields![i]!.value)) })),
    };
  }
  if (isArray && !width) {
    const arrays = values.flatMap((value) => (value.element ? [value.element] : []));
    return { own: merge(...values.map((value) => value.own)), element: oneOf(arrays) };
  }
  return { own: merge(...values.map(total)) };
}

/** Keys stay apart where all objects name the same ones. */
function oneOfJson(values: readonly Value[]): Value {
  const namesOf = (value: Value): string | undefined => value.fields?.map(({ name }) => name).join("\t");
  const objects = values.filter((value) => value.isJson);
  const isAlike = objects.every((value) => namesOf(value) === namesOf(objects[0]!));
  if (!isAlike || values.some((value) => !value.isJson && (value.fields ?? value.element)))
    return { own: merge(...values.map(total)) };
  return {
    own: merge(...values.map((value) => value.own)),
    fields: objects[0]!.fields!.map(({ name }, i) => ({
      name,
      value: oneOf(objects.map((value) => value.fields![i]!.value)),
    })),
    isJson: true,
  };
}

/** The elements of an array; of an array whose build is not known, all of it. */
export const elementOf = (array: Value): Value =>
  array.element ? also(array.element, array.own) : { own: total(array) };

/** Gives a value the build that it must have: fields by position, or the whole for each where its own are not known. */
export function shaped(value: Value, shape: Shape): Value {
  if (shape.kind === "plain") return value;
  if (shape.kind === "array")
    return { own: value.own, element: shaped(value.element ?? { own: total(value) }, shape.element) };
  const known = value.fields?.length === shape.fields.length ? value.fields : undefined;
  if (!known)
    return {
      own: total(value),
      fields: shape.fields.map(({ name, shape: inner }) => ({ name, value: shaped(constant, inner) })),
    };
  return {
    own: value.own,
    fields: shape.fields.map(({ name, shape: inner }, i) => ({ name, value: shaped(known[i]!.value, inner) })),
  };
}

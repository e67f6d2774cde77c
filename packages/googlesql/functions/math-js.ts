/** What mathematics takes from JS: IEEE answers for what is not finite, exact decimals, distances. */
import type { JsFunction, JsValue } from "./contract.ts";
import {
  bigNumericKind,
  type DecimalKind,
  integerDivide,
  modulo,
  numericKind,
  parseDecimal,
  printDecimal,
  roundDigits,
} from "./decimal.ts";
import { roundDouble } from "./double-rounding.ts";

function distance(name: string, pairs: readonly (readonly [number, number])[]): number {
  if (name === "euclidean") return Math.sqrt(pairs.reduce((sum, [a, b]) => sum + (a - b) * (a - b), 0));
  let dot = 0;
  let first = 0;
  let second = 0;
  for (const [a, b] of pairs) {
    dot += a * b;
    first += a * a;
    second += b * b;
  }
  if (first === 0 || second === 0) throw new Error("Cannot compute cosine distance against zero vector.");
  return 1 - dot / (Math.sqrt(first) * Math.sqrt(second));
}

export function mathJs(): JsFunction[] {
  const ieee: Record<string, (x: number) => number> = {
    sqrt: (x) => {
      if (x < 0) throw new Error(`Argument to SQRT cannot be negative: ${x}`);
      return Math.sqrt(x);
    },
    exp: Math.exp,
    ln: Math.log,
    log10: Math.log10,
    cos: Math.cos,
    cosh: Math.cosh,
    acos: Math.acos,
    acosh: Math.acosh,
    sin: Math.sin,
    sinh: Math.sinh,
    asin: Math.asin,
    asinh: Math.asinh,
    tan: Math.tan,
    tanh: Math.tanh,
    atan: Math.atan,
    atanh: Math.atanh,
    csc: (x) => 1 / Math.sin(x),
    sec: (x) => 1 / Math.cos(x),
    cot: (x) => 1 / Math.tan(x),
    csch: (x) => 1 / Math.sinh(x),
    sech: (x) => 1 / Math.cosh(x),
    coth: (x) => 1 / Math.tanh(x),
  };
  const number1 = (name: `gs_${string}`, run: (x: number) => number): JsFunction => ({
    name,
    args: ["DOUBLE"],
    result: "DOUBLE",
    run: (x) => run(x as number),
  });
  const vector = (value: JsValue): number[] =>
    (value as readonly (number | null)[]).map((one) => {
      if (one === null) throw new Error("NULL array element");
      return one;
    });
  const sparse = (value: JsValue): Map<string, number> => {
    const map = new Map<string, number>();
    for (const entry of value as readonly ({ f1: string | null; f2: number | null } | null)[]) {
      if (entry === null || entry.f1 === null || entry.f2 === null) throw new Error("NULL array element");
      if (map.has(entry.f1)) throw new Error(`Duplicate index ${entry.f1} found in the input array.`);
      map.set(entry.f1, entry.f2);
    }
    return map;
  };
  const modes: Record<string, "half away" | "half even"> = {
    ROUND_HALF_AWAY_FROM_ZERO: "half away",
    ROUND_HALF_EVEN: "half even",
  };
  const decimal = (kind: DecimalKind): JsFunction[] => {
    const prefix = kind === numericKind ? "numeric" : "bignumeric";
    const type = kind === numericKind ? "DECIMAL(38,9)" : "VARCHAR";
    const read = (value: JsValue): bigint =>
      kind === numericKind ? (value as bigint) : parseDecimal(kind, value as string);
    const write = (value: bigint): JsValue => (kind === numericKind ? value : printDecimal(kind, value));
    const of = (name: string, args: readonly string[], run: (...values: JsValue[]) => bigint): JsFunction => ({
      name: `gs_${prefix}_${name}`,
      args,
      result: type,
      run: (...values) => write(run(...values)),
    });
    const two = (name: string, run: (kind: DecimalKind, a: bigint, b: bigint) => bigint): JsFunction =>
      of(name, [type, type], (a = null, b = null) => run(kind, read(a), read(b)));
    const list = (name: string, better: (a: bigint, b: bigint) => boolean): JsFunction => ({
      name: `gs_${prefix}_${name}`,
      args: [`${type}[]`],
      result: type,
      run: (values) => {
        const all = values as readonly JsValue[];
        if (all.includes(null)) return null;
        return write(all.map(read).reduce((best, one) => (better(one, best) ? one : best)));
      },
    });
    return [
      two("idiv", integerDivide),
      two("mod", modulo),
      of("round", [type, "BIGINT"], (x = null, n = 0n) => roundDigits(kind, read(x), n as bigint, "half away")),
      of("trunc", [type, "BIGINT"], (x = null, n = 0n) => roundDigits(kind, read(x), n as bigint, "toward zero")),
      of("round_mode", [type, "BIGINT", "VARCHAR"], (x = null, n = 0n, mode = "") => {
        const rounding = modes[String(mode)];
        if (!rounding) throw new Error(`Invalid rounding mode: ${String(mode)}`);
        return roundDigits(kind, read(x), n as bigint, rounding);
      }),
      of("ceil", [type], (x = null) => roundDigits(kind, read(x), 0n, "ceil")),
      of("floor", [type], (x = null) => roundDigits(kind, read(x), 0n, "floor")),
      of("sign", [type], (x = null) => (read(x) > 0n ? kind.one : read(x) < 0n ? -kind.one : 0n)),
      list("greatest", (a, b) => a > b),
      list("least", (a, b) => a < b),
    ];
  };
  const pairsOf = (a: JsValue, b: JsValue): [number, number][] => {
    const [first, second] = [vector(a), vector(b)];
    if (first.length !== second.length) throw new Error(`Array length mismatch: ${first.length} and ${second.length}.`);
    return first.map((one, i) => [one, second[i]!]);
  };
  const sparsePairs = (a: JsValue, b: JsValue): [number, number][] => {
    const [first, second] = [sparse(a), sparse(b)];
    const keys = new Set([...first.keys(), ...second.keys()]);
    return [...keys].map((key) => [first.get(key) ?? 0, second.get(key) ?? 0]);
  };
  return [
    ...Object.entries(ieee).map(([name, run]) => number1(`gs_ieee_${name}`, run)),
    number1("gs_cbrt", Math.cbrt),
    {
      name: "gs_range_bucket_float",
      args: ["DOUBLE", "DOUBLE[]"],
      result: "BIGINT",
      run: (point, bounds) => {
        const list = bounds as readonly (number | null)[];
        if (Number.isNaN(point)) return null;
        const ordered = list.every((one, i) => one !== null && !Number.isNaN(one) && (i === 0 || list[i - 1]! <= one));
        if (!ordered) throw new Error("Elements in input array to RANGE_BUCKET must be in ascending order");
        return BigInt(list.filter((one) => one! <= (point as number)).length);
      },
    },
    {
      name: "gs_ieee_pow",
      args: ["DOUBLE", "DOUBLE"],
      result: "DOUBLE",
      // C says that 1 to any power is 1, and that -1 to an infinite one is too.
      run: (x, y) => (x === 1 || (x === -1 && Math.abs(y as number) === Infinity) ? 1 : (x as number) ** (y as number)),
    },
    {
      name: "gs_ieee_log",
      args: ["DOUBLE", "DOUBLE"],
      result: "DOUBLE",
      run: (x, base) =>
        Number.isFinite(base) && (base as number) > 0 ? Math.log(x as number) / Math.log(base as number) : Number.NaN,
    },
    ...(["round", "trunc"] as const).map(
      (mode): JsFunction => ({
        name: `gs_${mode}_float`,
        args: ["DOUBLE", "BIGINT"],
        result: "DOUBLE",
        run: (x, n) => roundDouble(x as number, n as bigint, mode),
      }),
    ),
    ...(["cosine", "euclidean"] as const).flatMap((name): JsFunction[] => [
      {
        name: `gs_${name}_distance`,
        args: ["DOUBLE[]", "DOUBLE[]"],
        result: "DOUBLE",
        run: (a = null, b = null) => distance(name, pairsOf(a, b)),
      },
      {
        name: `gs_${name}_distance_sparse`,
        args: ["STRUCT(f1 VARCHAR, f2 DOUBLE)[]", "STRUCT(f1 VARCHAR, f2 DOUBLE)[]"],
        result: "DOUBLE",
        run: (a = null, b = null) => distance(name, sparsePairs(a, b)),
      },
    ]),
    {
      name: "gs_bit_count_bytes",
      args: ["BLOB"],
      result: "BIGINT",
      run: (bytes) => {
        let count = 0n;
        for (let byte of bytes as Uint8Array) for (; byte > 0; byte &= byte - 1) count++;
        return count;
      },
    },
    ...decimal(numericKind),
    ...decimal(bigNumericKind),
  ];
}

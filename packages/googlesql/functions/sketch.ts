/**
 * HLL_COUNT. A sketch is opaque, and only its count is promised, about: ours holds the digests of the distinct values, from
 * which the count is exact, and turns into the registers of HyperLogLog when there are many. BigQuery's own sketches are of
 * another format, which is told apart.
 */
import { createHash } from "node:crypto";
import type { AggregateOptions, Argument, EmitContext, FunctionLibrary, JsValue, Signature } from "./contract.ts";
import { aggregate, literalInt, refuseAll, scalar, sig, sigOf } from "./signature.ts";

const group = "sketch";
const window: AggregateOptions = { over: "allowed", windowOrder: "allowed", windowFrame: true };
const magic = Buffer.from("iHL1");
/** So many digests are kept one by one. */
const fewest = 1 << 15;

interface Sketch {
  readonly kind: string;
  readonly precision: number;
  /** Either the digests, or the registers: of each the longest run of zeros, plus one. */
  readonly digests: Set<bigint> | undefined;
  readonly registers: Uint8Array | undefined;
}

function digest(text: string): bigint {
  return createHash("md5").update(text).digest().readBigUInt64BE(0);
}

function enter(registers: Uint8Array, precision: number, hash: bigint): void {
  const index = Number(hash >> BigInt(64 - precision));
  const rest = BigInt.asUintN(64, hash << BigInt(precision));
  const zeros = rest === 0n ? 64 - precision : 64 - rest.toString(2).length;
  const rank = Math.min(zeros, 64 - precision) + 1;
  if (rank > registers[index]!) registers[index] = rank;
}

function dense(digests: Iterable<bigint>, precision: number): Uint8Array {
  const registers = new Uint8Array(1 << precision);
  for (const hash of digests) enter(registers, precision, hash);
  return registers;
}

function made(kind: string, precision: number, digests: Set<bigint>): Sketch {
  return digests.size <= fewest
    ? { kind, precision, digests, registers: undefined }
    : { kind, precision, digests: undefined, registers: dense(digests, precision) };
}

function write({ kind, precision, digests, registers }: Sketch): Uint8Array {
  const head = Buffer.concat([magic, Buffer.from([kind.charCodeAt(0), precision, digests ? 0 : 1])]);
  if (!digests) return new Uint8Array(Buffer.concat([head, registers!]));
  const body = Buffer.alloc(digests.size * 8);
  const sorted = [...digests].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  for (const [i, hash] of sorted.entries()) body.writeBigUInt64BE(hash, i * 8);
  return new Uint8Array(Buffer.concat([head, body]));
}

function read(bytes: Uint8Array, name: string): Sketch {
  const buffer = Buffer.from(bytes);
  if (buffer.length < 7 || !buffer.subarray(0, 4).equals(magic)) {
    // The type of a sketch of BigQuery's: field 1 of its protocol buffer is 112.
    if (buffer.length > 2 && buffer[0] === 0x08 && buffer[1] === 0x70) {
      throw new Error(`refused.${name}: a sketch that BigQuery made`);
    }
    throw new Error(`Invalid or incompatible sketch in ${name}`);
  }
  const [kind, precision] = [String.fromCharCode(buffer[4]!), buffer[5]!];
  const body = buffer.subarray(7);
  if (buffer[6] === 1) return { kind, precision, digests: undefined, registers: new Uint8Array(body) };
  const digests = new Set<bigint>();
  for (let i = 0; i + 8 <= body.length; i += 8) digests.add(body.readBigUInt64BE(i));
  return { kind, precision, digests, registers: undefined };
}

/** Registers of a lower precision hold what the first of each bunch of higher ones do. */
function lowered({ precision, registers, digests }: Sketch, to: number): Uint8Array {
  if (digests) return dense(digests, to);
  if (precision === to) return registers!.slice();
  const by = precision - to;
  const result = new Uint8Array(1 << to);
  for (const [i, rank] of registers!.entries()) {
    if (rank === 0) continue;
    const low = i & ((1 << by) - 1);
    const lowered = low === 0 ? rank + by : by - Math.floor(Math.log2(low));
    if (lowered > result[i >> by]!) result[i >> by] = lowered;
  }
  return result;
}

function merge(list: readonly JsValue[], name: string): Sketch | undefined {
  const sketches = list.flatMap((one) => (one === null ? [] : [read(one as Uint8Array, name)]));
  const [first] = sketches;
  if (!first) return undefined;
  if (sketches.some((one) => one.kind !== first.kind)) throw new Error(`Invalid or incompatible sketch in ${name}`);
  const precision = Math.min(...sketches.map((one) => one.precision));
  if (sketches.every((one) => one.digests)) {
    return made(first.kind, precision, new Set(sketches.flatMap((one) => [...one.digests!])));
  }
  const registers = new Uint8Array(1 << precision);
  for (const one of sketches) {
    for (const [i, rank] of lowered(one, precision).entries()) if (rank > registers[i]!) registers[i] = rank;
  }
  return { kind: first.kind, precision, digests: undefined, registers };
}

/** Otmar Ertl's improved estimator ("New cardinality estimation algorithms for HyperLogLog sketches", 2017). */
function count({ precision, digests, registers }: Sketch): bigint {
  if (digests) return BigInt(digests.size);
  const size = 1 << precision;
  const q = 64 - precision;
  const counts = new Array<number>(q + 2).fill(0);
  for (const rank of registers!) counts[rank]!++;
  let z = size * tau(1 - counts[q + 1]! / size);
  for (let k = q; k >= 1; k--) z = 0.5 * (z + counts[k]!);
  z += size * sigma(counts[0]! / size);
  return BigInt(Math.round((size / (2 * Math.LN2)) * (size / z)));
}

function sigma(start: number): number {
  if (start === 1) return Number.POSITIVE_INFINITY;
  let [x, y, z] = [start, 1, start];
  for (let before = -1; z !== before; ) {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  }
  return z;
}

function tau(start: number): number {
  if (start === 0 || start === 1) return 0;
  let [x, y, z] = [start, 1, 1 - start];
  for (let before = -1; z !== before; ) {
    x = Math.sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) ** 2 * y;
  }
  return z / 3;
}

const kinds = { INT64: "i", NUMERIC: "n", BIGNUMERIC: "b", STRING: "s", BYTES: "s" } as const;

const init = Object.entries(kinds).map(
  ([type, kind]): Signature =>
    sigOf(`${type}, INT64?`, "BYTES", ([x, precision], ctx) => {
      const digits = precisionOf(precision, ctx);
      const value = kind === "s" ? `hex(${x!.sql})` : `cast(${x!.sql} as varchar)`;
      return `gs_hll_init(${ctx.aggregate("list", [value])}, '${kind}', ${digits})`;
    }),
);

function precisionOf(precision: Argument | undefined, ctx: EmitContext): string {
  if (!precision) return "15";
  const digits = literalInt(precision);
  if (digits === undefined) return ctx.refuse("a precision that is not a literal");
  if (digits < 10n || digits > 24n) return ctx.error("The precision of HLL_COUNT.INIT must be in [10, 24]");
  return String(digits);
}

const merging = (name: string, print: (merged: string) => string, result: string) =>
  aggregate(group, name, window, [
    sigOf("BYTES", result, ([x], ctx) => print(`gs_hll_merge(${ctx.aggregate("list", [x!.sql])}, '${name}')`)),
  ]);

export const sketches: FunctionLibrary = {
  functions: [
    aggregate(group, "HLL_COUNT.INIT", window, init),
    merging("HLL_COUNT.MERGE", (merged) => `coalesce(gs_hll_extract(${merged}, 'HLL_COUNT.MERGE'), 0)`, "INT64"),
    merging("HLL_COUNT.MERGE_PARTIAL", (merged) => merged, "BYTES"),
    scalar(group, "HLL_COUNT.EXTRACT", [
      sig("BYTES", "INT64", (x) => `coalesce(gs_hll_extract(${x}, 'HLL_COUNT.EXTRACT'), 0)`),
    ]),
    ...refuseAll(group, "sketches are binary formats of BigQuery", [
      "KLL_QUANTILES.INIT_INT64",
      "KLL_QUANTILES.INIT_FLOAT64",
      "KLL_QUANTILES.MERGE_INT64",
      "KLL_QUANTILES.MERGE_FLOAT64",
      "KLL_QUANTILES.MERGE_PARTIAL",
      "KLL_QUANTILES.MERGE_POINT_INT64",
      "KLL_QUANTILES.MERGE_POINT_FLOAT64",
      "KLL_QUANTILES.EXTRACT_INT64",
      "KLL_QUANTILES.EXTRACT_FLOAT64",
      "KLL_QUANTILES.EXTRACT_POINT_INT64",
      "KLL_QUANTILES.EXTRACT_POINT_FLOAT64",
    ]),
  ],
  js: [
    {
      name: "gs_hll_init",
      args: ["VARCHAR[]", "VARCHAR", "BIGINT"],
      result: "BLOB",
      run: (list, kind, precision) => {
        const values = (list as readonly JsValue[]).filter((one): one is string => one !== null);
        if (values.length === 0) return null;
        return write(made(kind as string, Number(precision), new Set(values.map(digest))));
      },
    },
    {
      name: "gs_hll_merge",
      args: ["BLOB[]", "VARCHAR"],
      result: "BLOB",
      run: (list, name) => {
        const merged = merge(list as readonly JsValue[], name as string);
        return merged ? write(merged) : null;
      },
    },
    {
      name: "gs_hll_extract",
      args: ["BLOB", "VARCHAR"],
      result: "BIGINT",
      run: (bytes, name) => count(read(bytes as Uint8Array, name as string)),
    },
  ],
};

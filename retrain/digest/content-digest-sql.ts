import type { Column } from "../../warehouse/warehouse.ts";
import type { CellType } from "./cells.ts";
import { bucketHexLength, cellColumns, digestHeader } from "./content-digest.ts";

const quoted = (text: string): string =>
  `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\n", "\\n")}'`;
const name = (column: string): string => `\`${column}\``;

/** The canonical text of a cell as GoogleSQL; FLOAT64 reads the columns that `takingApart` made for its index. */
function cellSql(column: string, type: CellType, index: number): string {
  const c = name(column);
  switch (type) {
    case "BOOL":
      return `if(${c}, 'B1', 'B0')`;
    case "INT64":
      return `concat('I', cast(${c} as string))`;
    case "NUMERIC":
      return (
        `concat('R', if(strpos(cast(${c} as string), '.') > 0, ` +
        `rtrim(rtrim(cast(${c} as string), '0'), '.'), cast(${c} as string)))`
      );
    case "STRING":
      return `concat('S', cast(byte_length(${c}) as string), ':', ${c})`;
    case "BYTES":
      return `concat('Y', to_hex(${c}))`;
    case "DATE":
      return `concat('A', cast(unix_date(${c}) as string))`;
    case "TIMESTAMP":
      return `concat('M', cast(unix_micros(${c}) as string))`;
    case "FLOAT64":
      return (
        `case when is_nan(${c}) then 'Dnan' when is_inf(${c}) then if(${c} < 0, 'D-inf', 'Dinf') ` +
        `when ${c} = 0 then 'D0' ` +
        `else concat(if(${c} < 0, 'D-', 'D'), cast(_i${index} as string), 'p', cast(_x${index} as string)) end`
      );
  }
}

/**
 * A double x is taken apart by arithmetic, since no engine prints its bits: k is about log2|x|, off by one at most, and
 * m = |x| * 2^(53 - k) is exact (a power of two only moves the exponent; two halves keep clear of overflow and of
 * subnormals), an integer between 2^52 and 2^55 that is halved into i in [2^52, 2^53), so that |x| = i * 2^(t - e). The operand a is 1
 * where x has no logarithm. One operation a step: an engine that looks at a result for overflow names its operands twice, which
 * costs nothing only for columns. The powers are of FLOAT64 by name: of an INT64 they would be NUMERIC.
 */
const takingApart: readonly ((x: string, i: number) => readonly string[])[] = [
  (x, i) => [`if(${x} is null or is_nan(${x}) or is_inf(${x}) or ${x} = 0, 1.0, abs(${x})) as _a${i}`],
  (_, i) => [`ln(_a${i}) as _l${i}`],
  (_, i) => [`53 - cast(floor(_l${i} * ${Math.LOG2E}) as int64) as _e${i}`],
  (_, i) => [`div(_e${i}, 2) as _h${i}`],
  (_, i) => [`cast(_h${i} as float64) as _g${i}`, `cast(_e${i} - _h${i} as float64) as _r${i}`],
  (_, i) => [`pow(2.0, _g${i}) as _p${i}`, `pow(2.0, _r${i}) as _q${i}`],
  (_, i) => [`_a${i} * _p${i} as _s${i}`],
  (_, i) => [`_s${i} * _q${i} as _m${i}`],
  (_, i) => [`case when _m${i} >= ${2 ** 54}.0 then 2 when _m${i} >= ${2 ** 53}.0 then 1 else 0 end as _t${i}`],
  (_, i) => [`case _t${i} when 2 then 0.25 when 1 then 0.5 else 1.0 end as _f${i}`, `_t${i} - _e${i} as _x${i}`],
  (_, i) => [`_m${i} * _f${i} as _w${i}`],
  (_, i) => [`cast(_w${i} as int64) as _i${i}`],
];

/**
 * GoogleSQL that gives `n_rows` and `content` (hex) of a query's rows: `ContentHasher` in SQL, the same on every engine.
 */
export function contentDigestSql(query: string, columns: readonly Column[]): string {
  const cells = cellColumns(columns);
  const floats = cells.flatMap((c, index) => (c.type === "FLOAT64" ? [{ ...c, index }] : []));
  const steps = takingApart.map((columnsOf, step) => {
    const made = floats.flatMap((f) => columnsOf(name(f.name), f.index)).map((column) => `,\n    ${column}`);
    return `_step${step + 1} as (\n  select *${made.join("")}\n  from ${step === 0 ? "_rows" : `_step${step}`}\n),\n`;
  });
  const text = cells.map((c, i) => `if(${name(c.name)} is null, 'N', ${cellSql(c.name, c.type, i)})`);
  return `with
_rows as (
  select * from (
${query}
  )
),
${steps.join("")}_row_hashes as (
  select to_hex(sha256(array_to_string([
    ${text.join(",\n    ")}
  ], ';'))) as row_hash
  from _step${steps.length}
),
_buckets as (
  select
    substr(row_hash, 1, ${bucketHexLength}) as prefix,
    count(*) as bucket_rows,
    to_hex(sha256(string_agg(row_hash, '' order by row_hash))) as bucket_hash
  from _row_hashes
  group by prefix
)
select
  ifnull(sum(bucket_rows), 0) as n_rows,
  to_hex(sha256(concat(
    ${quoted(digestHeader(cells))},
    cast(ifnull(sum(bucket_rows), 0) as string), '\\n',
    ifnull(string_agg(concat(prefix, bucket_hash), '' order by prefix), '')
  ))) as content
from _buckets`;
}

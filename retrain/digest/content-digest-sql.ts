import type { Column } from "../../warehouse/warehouse.ts";
import type { CellType } from "./cells.ts";
import { bucketHexLength, cellColumns, digestHeader } from "./content-digest.ts";

const quoted = (text: string): string =>
  `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\n", "\\n")}'`;
const name = (column: string): string => `\`${column}\``;

/** The canonical text of a cell as GoogleSQL; FLOAT64 reads the helper columns of its index. */
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
        `when ${c} = 0 then 'D0' else concat(if(${c} < 0, 'D-', 'D'), ` +
        `case when _m${index} >= 18014398509481984.0 then ` +
        `concat(cast(cast(_m${index} / 4.0 as int64) as string), 'p', cast(_k${index} - 51 as string)) ` +
        `when _m${index} >= 9007199254740992.0 then ` +
        `concat(cast(cast(_m${index} / 2.0 as int64) as string), 'p', cast(_k${index} - 52 as string)) ` +
        `else concat(cast(cast(_m${index} as int64) as string), 'p', cast(_k${index} - 53 as string)) end) end`
      );
  }
}

/**
 * GoogleSQL that gives `n_rows` and `content` (hex) of a query's rows: `ContentHasher` in SQL, the same on every engine.
 *
 * A double is taken apart by arithmetic, since no engine prints its bits: k is about log2|x|, off by one at most, and
 * m = |x| * 2^(53 - k) is exact (a power of two only moves the exponent; two halves keep clear of overflow and of
 * subnormals), an integer between 2^52 and 2^55 that is halved into [2^52, 2^53). The operand is 1 where x has no logarithm.
 */
export function contentDigestSql(query: string, columns: readonly Column[]): string {
  const cells = cellColumns(columns);
  const floats = cells.flatMap((c, index) => (c.type === "FLOAT64" ? [{ ...c, index }] : []));
  const operand = (c: string) => `if(${c} is null or is_nan(${c}) or is_inf(${c}) or ${c} = 0, 1.0, abs(${c}))`;
  const helpers = (make: (f: { readonly name: string; readonly index: number }) => string) =>
    floats.map((f) => `,\n    ${make(f)}`).join("");
  const text = cells.map((c, i) => `if(${name(c.name)} is null, 'N', ${cellSql(c.name, c.type, i)})`);
  return `with
_rows as (
  select * from (
${query}
  )
),
_operands as (
  select *${helpers((f) => `${operand(name(f.name))} as _a${f.index}`)}
  from _rows
),
_exponents as (
  select *${helpers((f) => `cast(floor(ln(_a${f.index}) / 0.6931471805599453) as int64) as _k${f.index}`)}
  from _operands
),
_mantissas as (
  select *${helpers(
    (f) =>
      `_a${f.index} * pow(2.0, div(53 - _k${f.index}, 2)) * ` +
      `pow(2.0, (53 - _k${f.index}) - div(53 - _k${f.index}, 2)) as _m${f.index}`,
  )}
  from _exponents
),
_row_hashes as (
  select to_hex(sha256(concat(
    ${text.join(", ';',\n    ")}
  ))) as row_hash
  from _mantissas
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

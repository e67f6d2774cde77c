import fc from "fast-check";
import {
  arrayOf,
  BOOL,
  BYTES,
  DATE,
  DATETIME,
  FLOAT64,
  type GoogleSqlType,
  INT64,
  INTERVAL,
  NUMERIC,
  STRING,
  TIMESTAMP,
  typeName,
} from "../types.ts";
import { literalOf } from "./literals.ts";

/** An expression of that type: literals, the columns of `row`, and everything that nests. */
type Make = (depth: number) => fc.Arbitrary<string>;

export const columnTypes: Readonly<Record<string, GoogleSqlType>> = {
  i: INT64,
  j: INT64,
  f: FLOAT64,
  n: NUMERIC,
  b: BOOL,
  s: STRING,
  y: BYTES,
  d: DATE,
  dt: DATETIME,
  ts: TIMESTAMP,
  xs: arrayOf(INT64),
};

const columnsOf = (type: GoogleSqlType): string[] =>
  Object.entries(columnTypes)
    .filter(([, other]) => typeName(other) === typeName(type))
    .map(([name]) => name);

const leaf = (type: GoogleSqlType): fc.Arbitrary<string> => {
  const columns = columnsOf(type);
  const literal = literalOf(type, { nullOneIn: 12 });
  return columns.length === 0 ? literal : fc.oneof(literal, fc.constantFrom(...columns));
};

/** Made once for each depth: the forms name each other, so anew each time would be without end. */
function nest(type: GoogleSqlType, ...forms: readonly ((depth: number) => fc.Arbitrary<string>)[]): Make {
  const made = new Map<number, fc.Arbitrary<string>>();
  return (depth) => {
    const known = made.get(depth);
    if (known) return known;
    const choices = depth <= 0 ? [] : forms.map((form) => form(depth - 1));
    const arbitrary = choices.length === 0 ? leaf(type) : fc.oneof(leaf(type), ...choices);
    made.set(depth, arbitrary);
    return arbitrary;
  };
}

/** `print` over expressions made one level deeper. */
const form =
  (print: (...parts: string[]) => string, ...makes: readonly (() => Make)[]) =>
  (depth: number): fc.Arbitrary<string> =>
    fc.tuple(...makes.map((make) => make()(depth))).map((parts) => print(...parts));

const infix =
  (operators: readonly string[], make: () => Make) =>
  (depth: number): fc.Arbitrary<string> =>
    fc.tuple(make()(depth), fc.constantFrom(...operators), make()(depth)).map(([a, op, b]) => `(${a} ${op} ${b})`);

const choose = (make: () => Make) => [
  form(
    (c, a, b) => `if(${c}, ${a}, ${b})`,
    () => bool,
    make,
    make,
  ),
  form(
    (c, a, d, b) => `case when ${c} then ${a} when ${d} then ${b} end`,
    () => bool,
    make,
    () => bool,
    make,
  ),
  form((a, b) => `coalesce(${a}, ${b})`, make, make),
  form((a, b) => `nullif(${a}, ${b})`, make, make),
];
const ordered = (make: () => Make) => [
  form((a, b) => `greatest(${a}, ${b})`, make, make),
  form((a, b) => `least(${a}, ${b})`, make, make),
];

const int: Make = nest(
  INT64,
  infix(["+", "-", "*"], () => int),
  infix(["&", "|", "^"], () => int),
  form(
    (a, b) => `div(${a}, ${b})`,
    () => int,
    () => int,
  ),
  form(
    (a, b) => `mod(${a}, ${b})`,
    () => int,
    () => int,
  ),
  form(
    (a) => `(-${a})`,
    () => int,
  ),
  form(
    (a) => `abs(${a})`,
    () => int,
  ),
  form(
    (a) => `length(${a})`,
    () => string,
  ),
  form(
    (a, b) => `strpos(${a}, ${b})`,
    () => string,
    () => string,
  ),
  form(
    (a) => `safe_cast(${a} as int64)`,
    () => string,
  ),
  form(
    (a) => `cast(${a} as int64)`,
    () => float,
  ),
  form(
    (a) => `cast(${a} as int64)`,
    () => bool,
  ),
  form(
    (a, b) => `date_diff(${a}, ${b}, day)`,
    () => date,
    () => date,
  ),
  form(
    (a, b) => `timestamp_diff(${a}, ${b}, hour)`,
    () => timestamp,
    () => timestamp,
  ),
  form(
    (a) => `extract(isoweek from ${a})`,
    () => date,
  ),
  form(
    (a) => `extract(minute from ${a})`,
    () => timestamp,
  ),
  form(
    (a) => `array_length(${a})`,
    () => array,
  ),
  form(
    (a, b) => `${a}[safe_offset(${b})]`,
    () => array,
    () => int,
  ),
  form(
    (a) => `(select max(x) from unnest(${a}) x)`,
    () => array,
  ),
  form(
    (a) => `(select count(*) from unnest(${a}) x where x > 0)`,
    () => array,
  ),
  ...choose(() => int),
  ...ordered(() => int),
);

const float: Make = nest(
  FLOAT64,
  infix(["+", "-", "*", "/"], () => float),
  infix(["/"], () => int),
  form(
    (a) => `sqrt(${a})`,
    () => float,
  ),
  form(
    (a) => `round(${a}, 2)`,
    () => float,
  ),
  form(
    (a) => `floor(${a})`,
    () => float,
  ),
  form(
    (a) => `cast(${a} as float64)`,
    () => int,
  ),
  form(
    (a) => `safe_cast(${a} as float64)`,
    () => string,
  ),
  form(
    (a, b) => `safe_divide(${a}, ${b})`,
    () => float,
    () => float,
  ),
  form(
    (a, b) => `ieee_divide(${a}, ${b})`,
    () => float,
    () => float,
  ),
  ...choose(() => float),
  ...ordered(() => float),
);

const numeric: Make = nest(
  NUMERIC,
  infix(["+", "-", "*", "/"], () => numeric),
  form(
    (a) => `round(${a}, 3)`,
    () => numeric,
  ),
  form(
    (a) => `cast(${a} as numeric)`,
    () => int,
  ),
  form(
    (a, b) => `(${a} + ${b})`,
    () => numeric,
    () => int,
  ),
  form(
    (a) => `trunc(${a}, 1)`,
    () => numeric,
  ),
  ...choose(() => numeric),
  ...ordered(() => numeric),
);

const comparisons = ["=", "<>", "<", "<=", ">", ">="];
const bool: Make = nest(
  BOOL,
  infix(["and", "or"], () => bool),
  form(
    (a) => `(not ${a})`,
    () => bool,
  ),
  infix(comparisons, () => int),
  infix(comparisons, () => float),
  infix(comparisons, () => string),
  infix(comparisons, () => date),
  infix(comparisons, () => timestamp),
  infix(["=", "<>"], () => bool),
  (depth) =>
    fc.tuple(int(depth), fc.constantFrom(...comparisons), float(depth)).map(([a, op, b]) => `(${a} ${op} ${b})`),
  (depth) =>
    fc.tuple(numeric(depth), fc.constantFrom(...comparisons), int(depth)).map(([a, op, b]) => `(${a} ${op} ${b})`),
  form(
    (a, b, c) => `(${a} in (${b}, ${c}))`,
    () => int,
    () => int,
    () => int,
  ),
  form(
    (a, b, c) => `(${a} not in (${b}, ${c}))`,
    () => string,
    () => string,
    () => string,
  ),
  form(
    (a, b) => `(${a} in unnest(${b}))`,
    () => int,
    () => array,
  ),
  form(
    (a, b, c) => `(${a} between ${b} and ${c})`,
    () => float,
    () => float,
    () => float,
  ),
  form(
    (a) => `(${a} is null)`,
    () => int,
  ),
  form(
    (a) => `(${a} is not true)`,
    () => bool,
  ),
  form(
    (a, b) => `(${a} is distinct from ${b})`,
    () => float,
    () => float,
  ),
  form(
    (a, b) => `(${a} like concat('%', ${b}, '_%'))`,
    () => string,
    () => string,
  ),
  form(
    (a, b) => `starts_with(${a}, ${b})`,
    () => string,
    () => string,
  ),
  form(
    (a, b, c) => `((${a}, i) = (${b}, ${c}))`,
    () => int,
    () => int,
    () => int,
  ),
  form(
    (a) => `exists(select 1 from unnest(${a}) x where x is null)`,
    () => array,
  ),
);

const string: Make = nest(
  STRING,
  infix(["||"], () => string),
  form(
    (a) => `upper(${a})`,
    () => string,
  ),
  form(
    (a) => `reverse(${a})`,
    () => string,
  ),
  form(
    (a, b) => `substr(${a}, ${b})`,
    () => string,
    () => int,
  ),
  form(
    (a, b, c) => `substr(${a}, ${b}, abs(mod(${c}, 9)))`,
    () => string,
    () => int,
    () => int,
  ),
  form(
    (a, b, c) => `replace(${a}, ${b}, ${c})`,
    () => string,
    () => string,
    () => string,
  ),
  form(
    (a) => `trim(${a})`,
    () => string,
  ),
  form(
    (a, b) => `lpad(${a}, abs(mod(${b}, 20)), 'xy')`,
    () => string,
    () => int,
  ),
  form(
    (a) => `cast(${a} as string)`,
    () => int,
  ),
  form(
    (a) => `cast(${a} as string)`,
    () => float,
  ),
  form(
    (a) => `cast(${a} as string)`,
    () => numeric,
  ),
  form(
    (a) => `cast(${a} as string)`,
    () => bool,
  ),
  form(
    (a) => `cast(${a} as string)`,
    () => date,
  ),
  form(
    (a) => `cast(${a} as string)`,
    () => timestamp,
  ),
  form(
    (a) => `format('%t|%T', ${a}, ${a})`,
    () => float,
  ),
  form(
    (a) => `to_json_string(${a})`,
    () => array,
  ),
  form(
    (a) => `to_json_string(${a})`,
    () => string,
  ),
  form(
    (a) => `to_hex(${a})`,
    () => bytes,
  ),
  form(
    (a) => `format_date('%G-%V-%u', ${a})`,
    () => date,
  ),
  form(
    (a) => `array_to_string(${a}, '-', '?')`,
    () => strings,
  ),
  form(
    (a) => `regexp_replace(${a}, '[aeiou]+', '<\\\\0>')`,
    () => string,
  ),
  ...choose(() => string),
  ...ordered(() => string),
);

const bytes: Make = nest(
  BYTES,
  infix(["||"], () => bytes),
  form(
    (a) => `cast(${a} as bytes)`,
    () => string,
  ),
  form(
    (a) => `sha256(${a})`,
    () => string,
  ),
  form(
    (a) => `md5(${a})`,
    () => bytes,
  ),
  form(
    (a, b) => `substr(${a}, ${b})`,
    () => bytes,
    () => int,
  ),
);

const smallInt = (depth: number): fc.Arbitrary<string> => int(depth).map((a) => `mod(${a}, 500)`);

const date: Make = nest(
  DATE,
  (depth) =>
    fc
      .tuple(date(depth), smallInt(depth), fc.constantFrom("day", "week", "month", "quarter", "year"))
      .map(([a, n, p]) => `date_add(${a}, interval ${n} ${p})`),
  (depth) =>
    fc
      .tuple(date(depth), fc.constantFrom("week", "isoweek", "week(friday)", "month", "quarter", "year", "isoyear"))
      .map(([a, p]) => `date_trunc(${a}, ${p})`),
  form(
    (a) => `last_day(${a})`,
    () => date,
  ),
  form(
    (a) => `date(${a})`,
    () => timestamp,
  ),
  form(
    (a) => `date(${a}, 'America/New_York')`,
    () => timestamp,
  ),
  form(
    (a) => `safe_cast(${a} as date)`,
    () => string,
  ),
  ...choose(() => date),
  ...ordered(() => date),
);

const timestamp: Make = nest(
  TIMESTAMP,
  (depth) =>
    fc
      .tuple(timestamp(depth), smallInt(depth), fc.constantFrom("microsecond", "second", "hour", "day"))
      .map(([a, n, p]) => `timestamp_add(${a}, interval ${n} ${p})`),
  (depth) =>
    fc
      .tuple(
        timestamp(depth),
        fc.constantFrom("hour", "day", "week", "month", "year"),
        fc.constantFrom("UTC", "America/New_York", "Asia/Kolkata"),
      )
      .map(([a, p, z]) => `timestamp_trunc(${a}, ${p}, '${z}')`),
  form(
    (a) => `timestamp(${a})`,
    () => date,
  ),
  form(
    (a) => `timestamp(${a}, 'Europe/Berlin')`,
    () => datetime,
  ),
  form(
    (a) => `timestamp_seconds(mod(${a}, 100000000000))`,
    () => int,
  ),
  ...choose(() => timestamp),
);

const datetime: Make = nest(
  DATETIME,
  form(
    (a) => `datetime(${a}, 'Asia/Tokyo')`,
    () => timestamp,
  ),
  form(
    (a) => `cast(${a} as datetime)`,
    () => date,
  ),
  (depth) =>
    fc
      .tuple(datetime(depth), smallInt(depth), fc.constantFrom("minute", "day", "month"))
      .map(([a, n, p]) => `datetime_sub(${a}, interval ${n} ${p})`),
  ...choose(() => datetime),
);

const array: Make = nest(
  arrayOf(INT64),
  form(
    (a, b) => `[${a}, ${b}]`,
    () => int,
    () => int,
  ),
  form(
    (a, b) => `array_concat(${a}, ${b})`,
    () => array,
    () => array,
  ),
  form(
    (a) => `array_reverse(${a})`,
    () => array,
  ),
  form(
    (a) => `array(select x from unnest(${a}) x with offset o where x <> 1 order by x desc, o)`,
    () => array,
  ),
  form(
    (a) => `generate_array(0, mod(${a}, 12), 3)`,
    () => int,
  ),
);

const strings: Make = nest(
  arrayOf(STRING),
  form(
    (a) => `split(${a}, ',')`,
    () => string,
  ),
  form(
    (a, b) => `[${a}, ${b}]`,
    () => string,
    () => string,
  ),
  form(
    (a) => `regexp_extract_all(${a}, '[a-z]')`,
    () => string,
  ),
);

const interval: Make = nest(
  INTERVAL,
  form(
    (a) => `make_interval(day => mod(${a}, 1000))`,
    () => int,
  ),
  form(
    (a, b) => `(${a} - ${b})`,
    () => date,
    () => date,
  ),
  infix(["+", "-"], () => interval),
);

const any: readonly Make[] = [
  int,
  float,
  numeric,
  bool,
  string,
  bytes,
  date,
  timestamp,
  datetime,
  array,
  strings,
  interval,
];

const row: fc.Arbitrary<string> = fc
  .tuple(...Object.values(columnTypes).map((type) => literalOf(type, { nullOneIn: 5 })))
  .map((values) => {
    const names = Object.keys(columnTypes);
    return `select ${values.map((value, i) => `${value === "null" ? `cast(null as ${typeName(columnTypes[names[i]!]!)})` : value} as ${names[i]}`).join(", ")}`;
  });

const over = (list: string, rows: readonly string[]): string =>
  `select ${list} from (${rows.join(" union all ")}) as row`;

/** A generated expression over generated rows; aggregated, filtered, grouped and windowed ones among them. */
export const generatedStatement: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom(...any).chain((make) => make(3)),
    fc.array(row, { minLength: 1, maxLength: 4 }),
    fc.integer({ min: 0, max: 11 }),
    bool(1),
    int(1),
    float(1),
  )
  .map(([expression, rows, shape, test, whole, number]) => {
    switch (shape) {
      case 0:
        return `${over(expression, rows)} where ${test}`;
      case 1:
        return over(
          `count(*), count(distinct ${whole}), sum(${whole}), min(${number}), max(${number}), countif(${test}), logical_and(${test})`,
          rows,
        );
      case 2:
        return `${over(`mod(${whole}, 3) as k, count(i) as n, avg(${whole}) as m`, rows)} group by k having n >= 0`;
      case 3:
        return over(
          `${whole} as k, rank() over (order by ${whole}), count(*) over (partition by ${test}), sum(i) over (order by ${whole}, s)`,
          rows,
        );
      case 4:
        return `select distinct x from (${over(`${whole} as x`, rows)})`;
      case 5:
        return `select a.x, b.x as y from (${over(`${whole} as x`, rows)}) a left join (${over("i as x", rows)}) b on a.x = b.x`;
      case 6:
        return `select ifnull(cast(x as string), '?') as x from (${over(`${whole} as x`, rows)} union distinct ${over("j", rows)})`;
      default:
        return over(expression, rows);
    }
  });

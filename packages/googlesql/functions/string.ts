import { castable, castText } from "../emit/cast.ts";
import { stringText } from "../emit/text.ts";
import { STRING, typeName } from "../types.ts";
import { containsSubstr, jsonContainsSubstr } from "./contains-substr.ts";
import type { FunctionLibrary } from "./contract.ts";
import { bind, fail, literalInt, literalText, scalar, sig, sigBind, sigOf } from "./signature.ts";
import { stringJs } from "./string-js.ts";

const group = "string";

/** Every code point with the Unicode property White_Space, which is what TRIM without a set takes off. */
const whiteSpace =
  "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000";

const maxIndex = 2n ** 31n - 1n;
const isCount = (value: bigint | undefined): value is bigint => value !== undefined && value >= 0n && value <= maxIndex;

/** DuckDB maps letters one to one; where a letter outside ASCII may become several, JS does what ICU does. */
const mapCase = (name: "upper" | "lower") =>
  sigBind(
    "STRING",
    "STRING",
    (s) => `case when strlen(${s}) <> length(${s}) then gs_${name}(${s}) else ${name}(${s}) end`,
  );

const substr = sigOf("STRING, INT64, INT64?", "STRING", ([s, p, n]) => {
  const position = literalInt(p);
  const length = literalInt(n);
  if (isCount(position) && position > 0n && (n === undefined || isCount(length))) {
    return n === undefined ? `substr(${s!.sql}, ${p!.sql})` : `substr(${s!.sql}, ${p!.sql}, ${n.sql})`;
  }
  return n === undefined ? `gs_substr(${s!.sql}, ${p!.sql})` : `gs_substr_n(${s!.sql}, ${p!.sql}, ${n.sql})`;
});

const pads = (name: "LPAD" | "RPAD") =>
  scalar(group, name, [
    sigOf("STRING, INT64, STRING?", "STRING", ([s, n, pattern]) => {
      const short = literalInt(n);
      const filler = pattern === undefined ? " " : literalText(pattern);
      if (short !== undefined && short >= 0n && short < 10_000n && filler) {
        return `${name.toLowerCase()}(${s!.sql}, ${short}, ${stringText(filler)})`;
      }
      return `gs_${name.toLowerCase()}(${s!.sql}, ${n!.sql}, ${pattern?.sql ?? "' '"})`;
    }),
    sig(
      "BYTES, INT64, BYTES?",
      "BYTES",
      (s, n, p) => `gs_${name.toLowerCase()}_bytes(${s}, ${n}, ${p ?? "' '::blob"})`,
    ),
  ]);

const trims = (name: "TRIM" | "LTRIM" | "RTRIM") => {
  const lower = name.toLowerCase();
  return scalar(group, name, [
    sigOf("STRING, STRING?", "STRING", ([s, set]) => {
      if (set === undefined) return `${lower}(${s!.sql}, ${stringText(whiteSpace)})`;
      return literalText(set) ? `${lower}(${s!.sql}, ${set.sql})` : `gs_${lower}(${s!.sql}, ${set.sql})`;
    }),
    sig("BYTES, BYTES", "BYTES", (s, set) => `gs_${lower}_bytes(${s}, ${set})`),
  ]);
};

const side = (name: "LEFT" | "RIGHT") =>
  scalar(group, name, [
    sigOf("STRING, INT64", "STRING", ([s, n], ctx) => {
      const short = literalInt(n);
      if (isCount(short)) return `${name.toLowerCase()}(${s!.sql}, ${short})`;
      return bind(
        ctx,
        [s!.sql, n!.sql],
        (value, count) =>
          // LEAST of DuckDB skips NULL, so no LEAST here.
          `case when ${value} is null or ${count} is null then null when ${count} < 0 then ${fail(`Second argument in ${name}() cannot be negative`, "varchar")} when ${count} > ${maxIndex} then ${value} else ${name.toLowerCase()}(${value}, ${count}) end`,
      );
    }),
    sig("BYTES, INT64", "BYTES", (s, n) => `gs_${name.toLowerCase()}_bytes(${s}, ${n})`),
  ]);

export const string: FunctionLibrary = {
  functions: [
    scalar(group, "ASCII", [
      sig("STRING", "INT64", (s) => `gs_ascii(${s})`),
      sig("BYTES", "INT64", (s) => `gs_ascii_bytes(${s})`),
    ]),
    scalar(
      group,
      ["BYTE_LENGTH", "OCTET_LENGTH"],
      [sig("STRING", "INT64", (s) => `strlen(${s})`), sig("BYTES", "INT64", (s) => `octet_length(${s})`)],
      { cannotFail: true },
    ),
    scalar(group, ["CHAR_LENGTH", "CHARACTER_LENGTH"], [sig("STRING", "INT64", (s) => `length(${s})`)], {
      cannotFail: true,
    }),
    scalar(group, "CHR", [sig("INT64", "STRING", (n) => `gs_chr(${n})`)]),
    scalar(group, "CODE_POINTS_TO_BYTES", [sig("ARRAY<INT64>", "BYTES", (a) => `gs_code_points_to_bytes(${a})`)]),
    scalar(group, "CODE_POINTS_TO_STRING", [sig("ARRAY<INT64>", "STRING", (a) => `gs_code_points_to_string(${a})`)]),
    scalar(
      group,
      "CONCAT",
      [
        sig("STRING, STRING*", "STRING", (...all) => `(${all.join(" || ")})`),
        sig("BYTES, BYTES*", "BYTES", (...all) => `(${all.join(" || ")})`),
        // Whatever can be cast to STRING is.
        sigOf("ANY, ANY*", "STRING", (all, ctx) => {
          const texts = all.map((one) => {
            const { sql, type } = one!;
            if (type.kind === "BYTES" || type.kind === "RANGE" || (type.kind !== "STRING" && !castable(type, STRING))) {
              return ctx.error(`No matching signature for function CONCAT for an argument of type ${typeName(type)}`);
            }
            return type.kind === "STRING" ? sql : castText(sql, type, STRING, ctx.fresh);
          });
          return `(${texts.join(" || ")})`;
        }),
      ],
      { cannotFail: true },
    ),
    scalar(group, "EDIT_DISTANCE", [
      sig("STRING, STRING, max_distance=>INT64?", "INT64", (a, b, n) =>
        n === undefined ? `gs_edit_distance(${a}, ${b})` : `gs_edit_distance_max(${a}, ${b}, ${n})`,
      ),
      sig("BYTES, BYTES, max_distance=>INT64?", "INT64", (a, b, n) =>
        n === undefined ? `gs_edit_distance_bytes(${a}, ${b})` : `gs_edit_distance_bytes_max(${a}, ${b}, ${n})`,
      ),
    ]),
    scalar(
      group,
      "ENDS_WITH",
      [
        sig("STRING, STRING", "BOOL", (s, t) => `suffix(${s}, ${t})`),
        sigBind("BYTES, BYTES", "BOOL", (s, t) => `suffix(hex(${s}), hex(${t}))`),
      ],
      { cannotFail: true },
    ),
    scalar(group, "FROM_BASE32", [sig("STRING", "BYTES", (s) => `gs_from_base32(${s})`)]),
    scalar(group, "FROM_BASE64", [sig("STRING", "BYTES", (s) => `gs_from_base64(${s})`)]),
    scalar(group, "FROM_HEX", [sig("STRING", "BYTES", (s) => `gs_from_hex(${s})`)]),
    scalar(group, "INITCAP", [
      sig("STRING, STRING?", "STRING", (s, d) => (d === undefined ? `gs_initcap(${s})` : `gs_initcap_by(${s}, ${d})`)),
    ]),
    scalar(group, "INSTR", [
      sig("STRING, STRING, INT64?, INT64?", "INT64", (s, t, p, n) =>
        p === undefined ? `strpos(${s}, ${t})` : `gs_instr(${s}, ${t}, ${p}, ${n ?? "1"})`,
      ),
      sig(
        "BYTES, BYTES, INT64?, INT64?",
        "INT64",
        (s, t, p, n) => `gs_instr_bytes(${s}, ${t}, ${p ?? "1"}, ${n ?? "1"})`,
      ),
    ]),
    side("LEFT"),
    scalar(
      group,
      "LENGTH",
      [sig("STRING", "INT64", (s) => `length(${s})`), sig("BYTES", "INT64", (s) => `octet_length(${s})`)],
      { cannotFail: true },
    ),
    scalar(group, ["LOWER", "LCASE"], [mapCase("lower"), sig("BYTES", "BYTES", (s) => `gs_lower_bytes(${s})`)], {
      cannotFail: true,
    }),
    pads("LPAD"),
    trims("LTRIM"),
    scalar(group, "NORMALIZE", [
      sigOf(
        "STRING, PART[NFC|NFKC|NFD|NFKD]?",
        "STRING",
        ([s, mode]) => `gs_normalize(${s!.sql}, ${stringText(mode?.part ?? "NFC")})`,
      ),
    ]),
    scalar(group, "NORMALIZE_AND_CASEFOLD", [
      sigOf("STRING, PART[NFC|NFKC|NFD|NFKD]?", "STRING", ([s, mode], ctx) =>
        bind(
          ctx,
          [s!.sql],
          (v) =>
            `case when strlen(${v}) <> length(${v}) then gs_casefold(${v}, ${stringText(mode?.part ?? "NFC")}) else lower(${v}) end`,
        ),
      ),
    ]),
    scalar(group, "REPEAT", [
      sigOf("STRING, INT64", "STRING", ([s, n]) => `gs_repeat(${s!.sql}, ${n!.sql})`),
      sig("BYTES, INT64", "BYTES", (s, n) => `gs_repeat_bytes(${s}, ${n})`),
    ]),
    scalar(group, "REPLACE", [
      sig("STRING, STRING, STRING", "STRING", (s, from, to) => `replace(${s}, ${from}, ${to})`),
      sig("BYTES, BYTES, BYTES", "BYTES", (s, from, to) => `gs_replace_bytes(${s}, ${from}, ${to})`),
    ]),
    scalar(
      group,
      "REVERSE",
      [
        sigBind(
          "STRING",
          "STRING",
          (s) => `case when strlen(${s}) <> length(${s}) then gs_reverse(${s}) else reverse(${s}) end`,
        ),
        sig("BYTES", "BYTES", (s) => `gs_reverse_bytes(${s})`),
      ],
      { cannotFail: true },
    ),
    side("RIGHT"),
    pads("RPAD"),
    trims("RTRIM"),
    scalar(
      group,
      "SAFE_CONVERT_BYTES_TO_STRING",
      [sig("BYTES", "STRING", (s) => `gs_safe_convert_bytes_to_string(${s})`)],
      { cannotFail: true },
    ),
    scalar(group, "SOUNDEX", [sig("STRING", "STRING", (s) => `gs_soundex(${s})`)], { cannotFail: true }),
    scalar(
      group,
      "SPLIT",
      [
        sigOf("STRING, STRING?", "ARRAY<STRING>", ([s, d]) =>
          d === undefined || literalText(d)
            ? `string_split(${s!.sql}, ${d?.sql ?? "','"})`
            : `gs_split(${s!.sql}, ${d.sql})`,
        ),
        sig("BYTES, BYTES", "ARRAY<BYTES>", (s, d) => `gs_split_bytes(${s}, ${d})`),
      ],
      { cannotFail: true },
    ),
    scalar(
      group,
      "STARTS_WITH",
      [
        sig("STRING, STRING", "BOOL", (s, t) => `starts_with(${s}, ${t})`),
        sig("BYTES, BYTES", "BOOL", (s, t) => `starts_with(hex(${s}), hex(${t}))`),
      ],
      { cannotFail: true },
    ),
    scalar(group, "STRPOS", [
      sig("STRING, STRING", "INT64", (s, t) => `strpos(${s}, ${t})`),
      sig("BYTES, BYTES", "INT64", (s, t) => `gs_instr_bytes(${s}, ${t}, 1, 1)`),
    ]),
    scalar(
      group,
      ["SUBSTR", "SUBSTRING"],
      [
        substr,
        sig("BYTES, INT64, INT64?", "BYTES", (s, p, n) =>
          n === undefined ? `gs_substr_bytes(${s}, ${p})` : `gs_substr_bytes_n(${s}, ${p}, ${n})`,
        ),
      ],
    ),
    scalar(group, "TO_BASE32", [sig("BYTES", "STRING", (s) => `gs_to_base32(${s})`)], { cannotFail: true }),
    scalar(group, "TO_BASE64", [sig("BYTES", "STRING", (s) => `to_base64(${s})`)], { cannotFail: true }),
    scalar(
      group,
      "TO_CODE_POINTS",
      [
        sig("STRING", "ARRAY<INT64>", (s) => `gs_to_code_points(${s})`),
        sig("BYTES", "ARRAY<INT64>", (s) => `gs_to_code_points_bytes(${s})`),
      ],
      { cannotFail: true },
    ),
    scalar(group, "TO_HEX", [sig("BYTES", "STRING", (s) => `lower(hex(${s}))`)], { cannotFail: true }),
    scalar(group, "TRANSLATE", [
      sig("STRING, STRING, STRING", "STRING", (s, from, to) => `gs_translate(${s}, ${from}, ${to})`),
      sig("BYTES, BYTES, BYTES", "BYTES", (s, from, to) => `gs_translate_bytes(${s}, ${from}, ${to})`),
    ]),
    trims("TRIM"),
    scalar(group, "UNICODE", [sig("STRING", "INT64", (s) => `gs_unicode(${s})`)], { cannotFail: true }),
    scalar(group, ["UPPER", "UCASE"], [mapCase("upper"), sig("BYTES", "BYTES", (s) => `gs_upper_bytes(${s})`)], {
      cannotFail: true,
    }),
    scalar(group, "CONTAINS_SUBSTR", [
      sigOf("STRING, STRING!", "BOOL", ([s, part], ctx) => {
        const wanted = part?.literal?.value;
        if (wanted === null || wanted === undefined)
          return ctx.error("The search value of CONTAINS_SUBSTR cannot be NULL");
        return `contains(gs_casefold(${s!.sql}, 'NFKC'), gs_casefold(${part!.sql}, 'NFKC'))`;
      }),
      // Over anything else it looks into every part.
      sigOf("ANY, STRING!, json_scope=>STRING?", "BOOL", ([value, part, scope], ctx) => {
        if (part?.literal?.value === null || part?.literal?.value === undefined)
          return ctx.error("The search value of CONTAINS_SUBSTR cannot be NULL");
        return containsSubstr(value!.sql, value!.type, part.sql, scope?.sql ?? "'JSON_VALUES'", ctx);
      }),
    ]),
  ],
  macros: [
    {
      name: "gs_substr",
      definition:
        "(s, p) as (case when p = 0 or p > 2147483647 or p < -2147483648 then (case when p > 0 then '' else s end) else substr(s, p) end)",
    },
    {
      name: "gs_substr_n",
      definition: `(s, p, n) as (list_transform([struct_pack(a := s, b := p, c := n)], lambda gs_sub: case
        when gs_sub.a is null or gs_sub.b is null or gs_sub.c is null then null
        when gs_sub.c < 0 then gs_fail('Third argument in SUBSTR() cannot be negative')
        when gs_sub.b > 2147483647 then ''
        else substr(gs_sub.a, case when gs_sub.b = 0 or gs_sub.b < -length(gs_sub.a) then 1 else gs_sub.b end, least(gs_sub.c, 2147483647)) end)[1])`,
    },
  ],
  js: [...stringJs, jsonContainsSubstr],
};

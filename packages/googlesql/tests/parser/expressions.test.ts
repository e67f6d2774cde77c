import { expect, test } from "vitest";
import { parseExpression } from "../../parser/parse.ts";
import { sExpression } from "./s-expression.ts";

const cases: readonly (readonly [sql: string, tree: string])[] = [
  ["1 + 2 * 3 - 4", "(- (+ 1 (* 2 3)) 4)"],
  ["a || b + c || d", "(+ (|| a b) (|| c d))"],
  ["a | b ^ c & d << 1 + 2", "(| a (^ b (& c (<< d (+ 1 2)))))"],
  ["-a.b[0].c * ~b", "(* (- (field-access object:(subscript object:a.b accessor:plain index:0) field:c)) (~ b))"],
  ["a or b and not c = d", "(or a (and b (not (= c d))))"],
  ["not a and b", "(and (not a) b)"],
  ["a between 1 and 2 and c", "(and (between operand:a low:1 high:2) c)"],
  ["a not between b + 1 and c | d", "(between operand:a low:(+ b 1) high:(| c d) negated)"],
  ["a >> 1 > b >> 2", "(> (>> a 1) (>> b 2))"],
  [
    "a is not null and b is not distinct from c",
    "(and (is-test operand:a test:null negated) (is-distinct-from left:b right:c negated))",
  ],
  ["a is not unknown", "(is-test operand:a test:unknown negated)"],
  ["a not in (select 1)", "(in operand:a source:(value-subquery query:(select items:[1])) negated)"],
  ["a in ((select 1))", "(in operand:a source:(value-subquery query:(select items:[1])))"],
  ["a in unnest([1, 2])", "(in operand:a source:(value-unnest array:(array-constructor elements:[1 2])))"],
  ["a not like any ('x%', y)", '(quantified-like operand:a quantifier:any source:(value-list items:["x%" y]) negated)'],
  ["a like all unnest(b)", "(quantified-like operand:a quantifier:all source:(value-unnest array:b))"],
  ["a != b", "(<> a b)"],
  ["case when a then 1 when b then 2 end", "(case branches:[(case-branch when:a then:1) (case-branch when:b then:2)])"],
  ["case x when 1 then 'a' else 'b' end", '(case operand:x branches:[(case-branch when:1 then:"a")] otherwise:"b")'],
  ["cast(a as string format 'YYYY' at time zone 'UTC')", '(cast operand:a type:STRING format:"YYYY" timeZone:"UTC")'],
  [
    "safe_cast(a as array<struct<x int64, y numeric(10, 2)>>)",
    "(cast safe operand:a type:(array-type element:(struct-type fields:[(struct-type-field name:x type:INT64) (struct-type-field name:y type:(simple-type name:NUMERIC parameters:[(type-parameter value:10) (type-parameter value:2)]))])))",
  ],
  ["cast(a as struct<>)", "(cast operand:a type:(struct-type))"],
  [
    "extract(week(monday) from a at time zone 'UTC')",
    '(extract part:(function-call name:[week] arguments:[monday]) operand:a timeZone:"UTC")',
  ],
  ["interval 1 + 2 day", "(interval value:(+ 1 2) from:day)"],
  ["interval '1-2' year to month", '(interval value:"1-2" from:year to:month)'],
  ["date '2024-01-' '31'", "(typed-literal type:DATE value:2024-01-31)"],
  ["decimal '1.5'", "(typed-literal type:NUMERIC value:1.5)"],
  [
    "range<date> '[2020-01-01, unbounded)'",
    '(range-literal type:(range-type element:DATE) value:"[2020-01-01, unbounded)")',
  ],
  [
    "array<array<int64>>[[1], []]",
    "(array-constructor elementType:(array-type element:INT64) elements:[(array-constructor elements:[1]) (array-constructor)])",
  ],
  ["struct(1 as a, b)", "(struct-constructor form:untyped fields:[(struct-constructor-field expression:1 alias:a) b])"],
  [
    "struct<a int64, string>(1, 'x')",
    '(struct-constructor form:typed type:(struct-type fields:[(struct-type-field name:a type:INT64) (struct-type-field type:STRING)]) fields:[1 "x"])',
  ],
  ["(1, 'x')", '(struct-constructor form:tuple fields:[1 "x"])'],
  [
    "[offset(1)][offset(0)]",
    "(subscript object:(array-constructor elements:[(function-call name:[offset] arguments:[1])]) accessor:offset index:0)",
  ],
  [
    "a[safe_ordinal(i + 1)][key]",
    "(subscript object:(subscript object:a accessor:safe-ordinal index:(+ i 1)) accessor:plain index:key)",
  ],
  ["f(x).y.z", "(field-access object:(field-access object:(function-call name:[f] arguments:[x]) field:y) field:z)"],
  ["(a.b).c", "(field-access object:a.b field:c)"],
  ["a.b.c(d)", "(function-call name:[a b c] arguments:[d])"],
  ["@p.x", "(field-access object:@p field:x)"],
  ["?", "(positional-parameter index:0)"],
  ["@@time_zone", "(system-variable parts:[time_zone])"],
  ["exists(select 1)", "(exists query:(select items:[1]))"],
  ["array(select 1)", "(array-subquery query:(select items:[1]))"],
  ["(select 1)", "(scalar-subquery query:(select items:[1]))"],
  [
    "((select 1) union all select 2)",
    "(scalar-subquery query:(set-operation operator:union quantifier:all inputs:[(select items:[1]) (select items:[2])]))",
  ],
  ["((select 1) + 1)", "(+ (scalar-subquery query:(select items:[1])) 1)"],
  ["count(*)", "(function-call name:[count] arguments:[*])"],
  [
    "count(distinct a order by b desc nulls last limit 5)",
    "(function-call name:[count] distinct arguments:[a] orderBy:[(order-item expression:b direction:desc nulls:last)] limit:5)",
  ],
  [
    "array_agg(a ignore nulls having max b)",
    "(function-call name:[array_agg] arguments:[a] nulls:ignore having:(having-modifier extreme:max expression:b))",
  ],
  [
    "any_value(x having min y)",
    "(function-call name:[any_value] arguments:[x] having:(having-modifier extreme:min expression:y))",
  ],
  [
    "f(x => 1, y => a -> a + 1)",
    "(function-call name:[f] arguments:[(named-argument name:x value:1) (named-argument name:y value:(lambda parameters:[a] body:(+ a 1)))])",
  ],
  [
    "array_filter(a, (e, i) -> e > i)",
    "(function-call name:[array_filter] arguments:[a (lambda parameters:[e i] body:(> e i))])",
  ],
  ["net.host(a)", "(function-call name:[net host] arguments:[a])"],
  ["safe.substr(a, 1)", "(function-call name:[safe substr] arguments:[a 1])"],
  [
    "(a).upper().concat('x')",
    '(function-call name:[concat] chained arguments:[(function-call name:[upper] chained arguments:[a]) "x"])',
  ],
  ["a.(net.host)()", "(function-call name:[net host] chained arguments:[a])"],
  [
    "sum(x) over (w partition by a order by b rows between 1 preceding and unbounded following)",
    "(function-call name:[sum] arguments:[x] over:(window-spec base:w partitionBy:[a] orderBy:[b] frame:(window-frame unit:rows start:(frame-bound bound:preceding offset:1) end:(frame-bound bound:unbounded-following))))",
  ],
  ["rank() over w", "(function-call name:[rank] over:(window-name name:w))"],
  [
    "max(x) over (range unbounded preceding)",
    "(function-call name:[max] arguments:[x] over:(window-spec frame:(window-frame unit:range start:(frame-bound bound:unbounded-preceding))))",
  ],
  [
    "if(a, left(b, 1), right(c, 2))",
    "(function-call name:[if] arguments:[a (function-call name:[left] arguments:[b 1]) (function-call name:[right] arguments:[c 2])])",
  ],
  [
    "with(a as 1, b as a + 1, a * b)",
    "(with-expression bindings:[(with-binding name:a value:1) (with-binding name:b value:(+ a 1))] body:(* a b))",
  ],
  ["current_date", "(function-call name:[current_date])"],
  ["current_timestamp()", "(function-call name:[current_timestamp])"],
  ['\'a\\n\\x41\\u00e9\\101\' r\'\\n\' """b"c"""', '"a\\nAéA\\\\nb\\"c"'],
  ["br'\\x' b'\\x41é'", "(bytes-literal value:bytes:5c7841c3a9)"],
  ["0xFF", "255"],
  ["1.5e-3", "(float-literal text:1.5e-3 value:0.0015)"],
  [".5", "(float-literal text:.5 value:0.5)"],
  ["true", "true"],
  ["null", "null"],
  ["`my col`.`group`.select", "`my col`.`group`.select"],
  ["timestamp", "timestamp"],
  ["(1)", "1"],
  ["'''a\r\nb\rc''' r'''\\\r\nd'''", '"a\\nb\\nc\\\\\\r\\nd"'],
];

test.each(cases)("when an expression is %s then its tree is as shown", (sql, tree) => {
  expect(sExpression(parseExpression(sql))).toBe(tree);
});

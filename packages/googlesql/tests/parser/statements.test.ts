import { expect, test } from "vitest";
import { parseStatement } from "../../parser/parse.ts";
import { sExpression } from "./s-expression.ts";

const cases: readonly (readonly [sql: string, tree: string])[] = [
  [
    "insert into ds.t (a, b) values (1, default), (2, 3)",
    "(insert table:ds.t columns:[a b] source:(insert-values rows:[[1 (default-value)] [2 3]]))",
  ],
  ["insert t select 1", "(insert table:t source:(insert-query query:(select items:[1])))"],
  ["insert into t (a) (select 1)", "(insert table:t columns:[a] source:(insert-query query:(select items:[1])))"],
  [
    "update t as x set a.b = 1, c = default from u where true",
    "(update table:t alias:x assignments:[(assignment target:[a b] value:1) (assignment target:[c] value:(default-value))] from:u where:true)",
  ],
  ["delete from t where a = 1", "(delete table:t where:(= a 1))"],
  ["delete t x where true", "(delete table:t alias:x where:true)"],
  ["truncate table t", "(truncate table:t)"],
  [
    "merge into t as a using (select 1) b on a.x = b.x when matched and c then update set d = e when not matched then insert (f) values (default) when not matched by source then delete",
    "(merge table:t alias:a source:(subquery-table query:(select items:[1]) alias:b) condition:(= a.x b.x) clauses:[(merge-clause match:matched condition:c action:(merge-update assignments:[(assignment target:[d] value:e)])) (merge-clause match:not-matched-by-target action:(merge-insert columns:[f] values:[(default-value)])) (merge-clause match:not-matched-by-source action:(merge-delete))])",
  ],
  [
    "merge t using s on false when not matched by target then insert row",
    "(merge table:t source:s condition:false clauses:[(merge-clause match:not-matched-by-target action:(merge-insert))])",
  ],
  [
    "create table t (a int64 not null options (description = 'x'), b string(10) collate 'und:ci' default 'y', c array<struct<d int64 not null>>, primary key (a) not enforced, constraint k foreign key (b) references u (v) not enforced)",
    '(create-table type:table name:t columns:[(column-definition name:a type:INT64 notNull options:(options-list entries:[(option-entry name:description value:"x")])) (column-definition name:b type:(simple-type name:STRING parameters:[(type-parameter value:10)] collation:"und:ci") default:"y") (column-definition name:c type:(array-type element:(struct-type fields:[(struct-type-field name:d type:INT64 notNull)])))] constraints:[(primary-key columns:[a]) (foreign-key name:k columns:[b] references:(foreign-reference table:u columns:[v]))])',
  ],
  [
    "create or replace temp table t partition by date(a) cluster by b, c options (x = 1) as select 1",
    "(create-table type:table orReplace temporary name:t partitionBy:(function-call name:[date] arguments:[a]) clusterBy:[b c] options:(options-list entries:[(option-entry name:x value:1)]) query:(select items:[1]))",
  ],
  [
    "create table if not exists t like u",
    "(create-table type:table ifNotExists name:t from:(create-table-from how:like table:u))",
  ],
  ["create table t copy u", "(create-table type:table name:t from:(create-table-from how:copy table:u))"],
  [
    "create table t clone u for system_time as of x",
    "(create-table type:table name:t from:(create-table-from how:clone table:u systemTime:x))",
  ],
  [
    "create snapshot table t clone u options (a = 1)",
    "(create-table type:snapshot name:t from:(create-table-from how:clone table:u) options:(options-list entries:[(option-entry name:a value:1)]))",
  ],
  [
    "create external table t (a int64) options (format = 'CSV')",
    '(create-table type:external name:t columns:[(column-definition name:a type:INT64)] options:(options-list entries:[(option-entry name:format value:"CSV")]))',
  ],
  [
    "create view v (a, b options (description = 'x')) options (y = [('a', 'b')]) as select 1",
    '(create-view name:v columns:[(view-column name:a) (view-column name:b options:(options-list entries:[(option-entry name:description value:"x")]))] options:(options-list entries:[(option-entry name:y value:(array-constructor elements:[(struct-constructor form:tuple fields:["a" "b"])]))]) query:(select items:[1]))',
  ],
  [
    "create materialized view v partition by a cluster by b as select 1",
    "(create-view materialized name:v partitionBy:a clusterBy:[b] query:(select items:[1]))",
  ],
  [
    "create temp function f(a int64, b any type) returns int64 as (a + b)",
    "(create-function temporary name:f parameters:[(function-parameter name:a type:INT64) (function-parameter name:b type:(templated-type))] returns:INT64 body:(sql-function-body expression:(+ a b)))",
  ],
  [
    "create function ds.f(a string) returns string not deterministic language js options (library = ['x']) as r'return a;'",
    '(create-function name:ds.f parameters:[(function-parameter name:a type:STRING)] returns:STRING determinism:not-deterministic options:(options-list entries:[(option-entry name:library value:(array-constructor elements:["x"]))]) body:(foreign-function-body language:js code:"return a;"))',
  ],
  [
    "create aggregate function f(a int64, b int64 not aggregate) as (sum(a) / b)",
    "(create-function aggregate name:f parameters:[(function-parameter name:a type:INT64) (function-parameter name:b type:INT64 notAggregate)] body:(sql-function-body expression:(/ (function-call name:[sum] arguments:[a]) b)))",
  ],
  [
    "create table function f(a int64, t any table, u table<x int64>) returns table<y int64> as select a",
    "(create-table-function name:f parameters:[(function-parameter name:a type:INT64) (function-parameter name:t type:(table-parameter-type)) (function-parameter name:u type:(table-parameter-type columns:[(table-type-column name:x type:INT64)]))] returns:(table-parameter-type columns:[(table-type-column name:y type:INT64)]) query:(select items:[a]))",
  ],
  [
    "create procedure p(in a int64, out b string, c date) options (x = 1) begin declare d int64; set d = 1; end",
    "(create-procedure name:p parameters:[(function-parameter name:a type:INT64 mode:in) (function-parameter name:b type:STRING mode:out) (function-parameter name:c type:DATE)] options:(options-list entries:[(option-entry name:x value:1)]) body:[(declare names:[d] type:INT64) (set-variable targets:[d] value:1)])",
  ],
  [
    "create schema if not exists s default collate 'und:ci' options (x = 1)",
    '(create-schema ifNotExists name:s defaultCollation:"und:ci" options:(options-list entries:[(option-entry name:x value:1)]))',
  ],
  ["drop table if exists t", "(drop object:table ifExists name:t)"],
  ["drop schema s cascade", "(drop object:schema name:s behaviour:cascade)"],
  ["drop materialized view v", "(drop object:materialized-view name:v)"],
  ["drop table function f", "(drop object:table-function name:f)"],
  [
    "alter table if exists t add column if not exists a int64, drop column if exists b, rename column c to d",
    "(alter object:table ifExists name:t actions:[(add-column ifNotExists column:(column-definition name:a type:INT64)) (drop-column ifExists column:b) (rename-column from:c to:d)])",
  ],
  [
    "alter table t set options (a = 1), rename to u",
    "(alter object:table name:t actions:[(set-options options:(options-list entries:[(option-entry name:a value:1)])) (rename-to name:u)])",
  ],
  [
    "alter table t alter column a set data type numeric, alter column if exists b drop not null, alter column c set default 1, alter column d drop default",
    "(alter object:table name:t actions:[(alter-column column:a change:(set-data-type type:NUMERIC)) (alter-column ifExists column:b change:(drop-not-null)) (alter-column column:c change:(set-default value:1)) (alter-column column:d change:(drop-default))])",
  ],
  [
    "alter table t add primary key (a) not enforced, drop constraint if exists k",
    "(alter object:table name:t actions:[(add-constraint constraint:(primary-key columns:[a])) (drop-constraint ifExists name:k)])",
  ],
  [
    "alter view v set options (a = 1)",
    "(alter object:view name:v actions:[(set-options options:(options-list entries:[(option-entry name:a value:1)]))])",
  ],
  ["declare a, b int64 default 1", "(declare names:[a b] type:INT64 default:1)"],
  ["declare c default 'x'", '(declare names:[c] default:"x")'],
  ["set (a, b) = (1, 2)", "(set-variable targets:[a b] tuple value:(struct-constructor form:tuple fields:[1 2]))"],
  ["set @@time_zone = 'UTC'", '(set-variable targets:[(system-variable parts:[time_zone])] value:"UTC")'],
  [
    "if a then select 1; elseif b then select 2; else set c = 1; end if",
    "(if branches:[(if-branch condition:a statements:[(select items:[1])]) (if-branch condition:b statements:[(select items:[2])])] otherwise:[(set-variable targets:[c] value:1)])",
  ],
  [
    "case a when 1 then select 1; else select 2; end case",
    "(case-statement operand:a branches:[(if-branch condition:1 statements:[(select items:[1])])] otherwise:[(select items:[2])])",
  ],
  [
    "l: loop if a then leave l; end if; end loop l",
    "(loop label:l statements:[(if branches:[(if-branch condition:a statements:[(break label:l)])])])",
  ],
  ["while a do continue; end while", "(while condition:a statements:[(continue)])"],
  ["repeat set a = 1; until b end repeat", "(repeat statements:[(set-variable targets:[a] value:1)] until:b)"],
  [
    "for r in (select 1) do select r; end for",
    "(for-in variable:r query:(select items:[1]) statements:[(select items:[r])])",
  ],
  [
    "begin select 1; exception when error then raise using message = @@error.message; raise; end",
    "(block statements:[(select items:[1])] handler:[(raise message:(system-variable parts:[error message])) (raise)])",
  ],
  ["begin transaction", "(transaction action:begin)"],
  ["commit transaction", "(transaction action:commit)"],
  ["rollback", "(transaction action:rollback)"],
  ["call ds.p(1, x)", "(call procedure:ds.p arguments:[1 x])"],
  ["return", "(return)"],
  [
    "execute immediate 'select ?' into a, b using 1, c as d",
    '(execute-immediate sql:"select ?" into:[a b] using:[(using-argument value:1) (using-argument value:c alias:d)])',
  ],
  ["assert a = 1 as 'no'", "(assert condition:(= a 1) description:no)"],
  [
    "export data options (uri = 'x') as select 1",
    '(export-data options:(options-list entries:[(option-entry name:uri value:"x")]) query:(select items:[1]))',
  ],
];

test.each(cases)("when a statement is %s then its tree is as shown", (sql, tree) => {
  expect(sExpression(parseStatement(sql))).toBe(tree);
});

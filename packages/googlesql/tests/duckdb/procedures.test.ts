import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type LocalWarehouse, openLocalWarehouse } from "../../duckdb/local-warehouse.ts";

let warehouse: LocalWarehouse;
beforeEach(async () => {
  warehouse = await openLocalWarehouse();
});
afterEach(() => warehouse.close());

const rows = async (sql: string) => (await warehouse.run(sql)).rows;
const message = async (sql: string) =>
  await warehouse.run(sql).then(
    () => "no error",
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  );

describe("stored procedures", () => {
  // https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#create_procedure
  test("when the documentation's procedures are called, IN is read, OUT is given back, INOUT both", async () => {
    await warehouse.run(`
      create schema mydataset;
      create procedure mydataset.create_customer(in name string, out id int64)
      begin
        set id = length(name) + 100;
        create temp table if not exists customers (id int64, name string);
        insert into customers values (id, name);
      end;
      create procedure mydataset.AddDelta(inout x int64, in delta int64, out doubled float64)
      begin
        set x = x + delta;
        set doubled = x * 2;
      end`);
    expect(
      await rows(`
        declare id int64; declare n int64 default 40; declare d float64 default 1;
        call mydataset.create_customer('alice', id);
        call MyDataset.adddelta(n, 1 + 1, d);
        select id, n, d, (select count(*) from customers where name = 'alice')`),
    ).toEqual([[105n, 42n, 84, 1n]]);
  });

  test("when a procedure selects, changes, returns early or calls itself, the script has all of it", async () => {
    await warehouse.run(`
      create schema d;
      create table d.t (x int64);
      create or replace procedure d.fill(n int64)
      begin
        if n < 0 then return; end if;
        insert into d.t values (n);
        if n > 0 then call d.fill(n - 1); end if;
        select count(*) from d.t;
      end`);
    const run = await warehouse.run("call d.fill(3); call d.fill(-1)");
    expect(run.statements.flatMap((one) => one.rows)).toEqual([[4n], [4n], [4n], [4n]]);
    expect(await rows("select x from d.t order by x")).toEqual([[0n], [1n], [2n], [3n]]);
  });

  test("when a body looks around, it sees its arguments and not its caller's variables or parameters", async () => {
    await warehouse.run("create schema d; create procedure d.peek() begin select mine; end");
    expect(await message("declare mine int64 default 1; call d.peek()")).toMatch(/sql.analysis: .*mine/);
    await warehouse.run(
      "create or replace procedure d.peek(out a int64) begin declare b int64 default a; set a = ifnull(b, 7); end",
    );
    expect(await rows("declare a int64 default 1; declare b int64 default 2; call d.peek(a); select a, b")).toEqual([
      [7n, 2n],
    ]);
  });

  test("when an argument is not of the type, it is coerced where GoogleSQL coerces and refused where not", async () => {
    await warehouse.run(`
      create schema d;
      create procedure d.p(in x numeric, out y int64) begin set y = cast(x as int64); end;
      create procedure d.q(inout y int64) begin set y = y + 1; end`);
    expect(await rows("declare y float64; call d.p(2, y); select y")).toEqual([[2]]);
    expect(await message("declare y int64; call d.p('2.5x', y)")).toMatch(/^sql\./);
    expect(await message("declare y string; call d.p(2, y)")).toMatch(/^sql.analysis: /);
    expect(await message("declare y float64 default 1; call d.q(y)")).toMatch(/^refused.procedure_inout: /);
    expect(await message("call d.q(1)")).toBe("sql.analysis: The argument for INOUT y has to be a variable");
    expect(await message("call d.q(nowhere)")).toBe("sql.analysis: The argument for INOUT y has to be a variable");
    expect(await message("call d.q()")).toBe("sql.analysis: Procedure d.q takes 1 argument, not 0");
  });

  test("when a body fails, the error is the caller's to handle, and nothing is given back", async () => {
    await warehouse.run("create schema d; create procedure d.bad(out x int64) begin set x = 5; select 1 / 0; end");
    expect(
      await rows(`
        declare x int64 default 1; declare seen string;
        begin call d.bad(x); exception when error then set seen = @@error.message; end;
        select x, seen like '%zero%'`),
    ).toEqual([[1n, true]]);
    await warehouse.run("create procedure d.stray() begin break; end");
    expect(await message("loop call d.stray(); end loop")).toBe(
      "sql.evaluation: BREAK is only allowed inside of a loop body",
    );
  });

  test("when one exists, IF NOT EXISTS keeps it, OR REPLACE replaces it, a plain CREATE is an error, DROP takes it away", async () => {
    await warehouse.run("create schema d; create procedure d.one() begin select 1; end");
    await warehouse.run("create procedure if not exists d.one() begin select 2; end");
    expect(await rows("call d.one()")).toEqual([[1n]]);
    expect(await message("create procedure d.one() begin select 3; end")).toBe(
      "sql.analysis: Procedure already exists: d.one",
    );
    await warehouse.run("create or replace procedure d.one() begin select 4; end");
    expect(await rows("call d.one()")).toEqual([[4n]]);
    await warehouse.run("drop procedure d.one");
    expect(await message("call d.one()")).toBe("sql.analysis: Procedure not found: d.one");
    expect(await message("drop procedure d.one")).toBe("sql.analysis: Procedure not found: d.one");
    await warehouse.run("drop procedure if exists d.one");
    expect(await message("create procedure d.two(x int64, X string) begin end")).toBe(
      "sql.analysis: Duplicate argument name: X",
    );
  });

  test("when a procedure calls itself without end, it is an error", async () => {
    await warehouse.run("create schema d; create procedure d.again() begin call d.again(); end");
    expect(await message("call d.again()")).toMatch(/^sql.evaluation: Procedure call stack depth exceeded/);
  });
});

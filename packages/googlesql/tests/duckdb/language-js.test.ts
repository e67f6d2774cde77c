import { afterAll, describe, expect, test } from "vitest";
import { openLocalWarehouse } from "../../duckdb/local-warehouse.ts";
import { runFunction, startSandbox } from "../../sandbox/sandbox.ts";

const warehouse = await openLocalWarehouse();
afterAll(() => warehouse.close());

const fn = (signature: string, code: string) => `CREATE TEMP FUNCTION ${signature} LANGUAGE js AS r"""${code}
""";`;
const answer = async (signature: string, code: string, call: string) =>
  (await warehouse.run(`${fn(signature, code)} SELECT ${call}`)).rows[0]?.[0];

describe("values pass as BigQuery documents them", () => {
  test.each<[string, string, string, string, unknown]>([
    ["BOOL", "f(x BOOL) RETURNS STRING", "return typeof x + x", "f(TRUE)", "booleantrue"],
    ["FLOAT64", "f(x FLOAT64) RETURNS STRING", "return typeof x + x", "f(1.5)", "number1.5"],
    ["FLOAT64 that is not finite", "f(x FLOAT64) RETURNS FLOAT64", "return x", "f(CAST('-inf' AS FLOAT64))", -Infinity],
    ["minus zero", "f(x FLOAT64) RETURNS FLOAT64", "return 1 / x", "f(CAST('-0.0' AS FLOAT64))", -Infinity],
    ["STRING", "f(x STRING) RETURNS STRING", "return x + x.length", "f('ä\\n\\'\\x00😀')", "ä\n'\0😀6"],
    ["BYTES as base64", "f(x BYTES) RETURNS STRING", "return x", "f(b'\\x00\\xff')", "AP8="],
    ["whole NUMERIC", "f(x NUMERIC) RETURNS STRING", "return typeof x + x", "f(NUMERIC '12')", "number12"],
    ["NUMERIC", "f(x NUMERIC) RETURNS STRING", "return typeof x + x", "f(NUMERIC '1.25')", "string1.25"],
    [
      "NUMERIC beyond 2^53",
      "f(x NUMERIC) RETURNS STRING",
      "return typeof x + x",
      "f(NUMERIC '9007199254740993')",
      "string9007199254740993",
    ],
    ["BIGNUMERIC", "f(x BIGNUMERIC) RETURNS STRING", "return typeof x + x", "f(BIGNUMERIC '0.5')", "string0.5"],
    [
      "DATE",
      "f(x DATE) RETURNS STRING",
      "return x.toISOString() + (x instanceof Date)",
      "f(DATE '2024-02-29')",
      "2024-02-29T00:00:00.000Ztrue",
    ],
    [
      "TIMESTAMP",
      "f(x TIMESTAMP) RETURNS STRING",
      "return x.toISOString()",
      "f(TIMESTAMP '1969-12-31 23:59:59.123456+00')",
      "1969-12-31T23:59:59.123Z",
    ],
    [
      "JSON",
      "f(x JSON) RETURNS STRING",
      "return x.a[1] + typeof x.b",
      'f(JSON \'{"a": [1, "z"], "b": null}\')',
      "zobject",
    ],
    [
      "STRUCT and ARRAY",
      "f(x ARRAY<STRUCT<a FLOAT64, b STRING>>) RETURNS STRING",
      "return x.map(y => y.b + y.a).join()",
      "f([STRUCT(1.5 AS a, 'p' AS b), (2, 'q')])",
      "p1.5,q2",
    ],
    ["NULL", "f(x STRING) RETURNS STRING", "return String(x === null)", "f(NULL)", "true"],
  ])("when it takes %s", async (_type, signature, code, call, expected) => {
    expect(await answer(signature, code, call)).toEqual(expected);
  });

  test.each<[string, string, string, unknown]>([
    ["INT64 from a number", "INT64", "return 3", 3n],
    ["INT64 from text, with every digit", "INT64", "return '9007199254740993'", 9007199254740993n],
    ["BOOL", "BOOL", "return 1 < 2", true],
    ["FLOAT64", "FLOAT64", "return 1 / 3", 1 / 3],
    ["NUMERIC from text", "NUMERIC", "return '12345678901234567890.123'", "12345678901234567890.123"],
    ["BYTES from base64", "BYTES", "return 'AP8='", new Uint8Array([0, 255])],
    ["DATE from a Date", "DATE", "return new Date(Date.UTC(2024, 1, 29, 23))", "2024-02-29"],
    ["DATE from text", "DATE", "return '2024-02-29'", "2024-02-29"],
    ["TIMESTAMP", "TIMESTAMP", "return new Date(1500)", "1970-01-01 00:00:01.500+00"],
    ["JSON", "JSON", "return {b: [1, {}]}", '{"b":[1,{}]}'],
    ["ARRAY", "ARRAY<INT64>", "return [1, 2]", [1n, 2n]],
    [
      "STRUCT",
      "STRUCT<a INT64, b STRING>",
      "return {b: 'x', a: 1}",
      [
        { name: "a", value: 1n },
        { name: "b", value: "x" },
      ],
    ],
    ["nothing", "STRING", "", null],
    ["a Promise that is fulfilled", "STRING", "return Promise.resolve().then(() => 'later')", "later"],
  ])("when it gives %s", async (_what, type, code, expected) => {
    expect(await answer(`f() RETURNS ${type}`, code, "f()")).toEqual(expected);
  });

  test("when many rows pass then each has its own answer, in order", async () => {
    const { rows } = await warehouse.run(
      `${fn("f(x STRING) RETURNS STRING", "return x + '!'")} SELECT COUNTIF(f(CAST(i AS STRING)) = CONCAT(CAST(i AS STRING), '!')) FROM UNNEST(GENERATE_ARRAY(1, 5000)) i`,
    );
    expect(rows).toEqual([[5000n]]);
  });

  test.each<[string, string, string, string]>([
    ["takes INT64", "f(x INT64) RETURNS STRING", "return x", "sql.analysis"],
    ["takes INT64 in an ARRAY", "f(x ARRAY<INT64>) RETURNS STRING", "return x", "sql.analysis"],
    ["takes DATETIME", "f(x DATETIME) RETURNS STRING", "return x", "refused.js_type"],
    ["gives TIME", "f(x STRING) RETURNS TIME", "return x", "refused.js_type"],
    ["is no JavaScript", "f(x STRING) RETURNS STRING", "return (", "sql.analysis"],
    ["leaves its own brackets", "f(x STRING) RETURNS STRING", "}, (() => { ", "sql.analysis"],
  ])("when a function %s then it is not made", async (_what, signature, code, expected) => {
    await expect(warehouse.run(fn(signature, code))).rejects.toMatchObject({ code: expected });
  });

  test("when it has a library in Cloud Storage then it is refused, not made without", async () => {
    const sql =
      "CREATE TEMP FUNCTION f() RETURNS STRING LANGUAGE js OPTIONS (library = ['gs://b/lib.js']) AS 'return 1'";
    await expect(warehouse.run(sql)).rejects.toMatchObject({ code: "refused.js_library" });
  });

  test.each<[string, string, string, RegExp]>([
    ["INT64 with a fraction", "INT64", "return 1.5", /Failed to coerce output value "1.5" to type INT64/],
    ["INT64 out of range", "INT64", "return '9223372036854775808'", /out of range/],
    ["FLOAT64 that is text", "FLOAT64", "return 'abc'", /to type FLOAT64/],
    ["no array", "ARRAY<STRING>", "return 'abc'", /to type ARRAY<STRING>|an array is wanted/],
    ["an invalid date", "DATE", "return new Date(NaN)", /Invalid Date/],
    ["a throw", "STRING", "return null.x", /^TypeError: .* in function f$/],
    [
      "a Promise that is rejected",
      "STRING",
      "return Promise.reject(new RangeError('no'))",
      /^RangeError: no in function f/,
    ],
    ["a Promise that never settles", "STRING", "return new Promise(() => {})", /never settled/],
  ])("when it gives %s then the statement fails", async (_what, type, code, message) => {
    await expect(answer(`f() RETURNS ${type}`, code, "f()")).rejects.toMatchObject({
      code: "sql.evaluation",
      message: expect.stringMatching(message),
    });
  });
});

describe("the sandbox", () => {
  test.each<[string, string]>([
    ["process", "return typeof process"],
    ["require", "return typeof require"],
    ["the global of the host", "return typeof globalThis.constructor.constructor('return globalThis.process')()"],
    ["a constructor's constructor", "return typeof (function () {}).constructor('return this')().process"],
    ["a constructor of the arguments", "return typeof x.constructor.constructor('return process')"],
    [
      "SharedArrayBuffer with Atomics.wait",
      "return typeof Atomics === 'undefined' ? 'undefined' : (() => { try { Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0, 1e9); return 'waited'; } catch { return 'undefined'; } })()",
    ],
    ["fetch", "return typeof fetch"],
    ["WebAssembly", "return typeof WebAssembly"],
    ["timers", "return typeof setTimeout"],
    ["QuickJS's own std", "return typeof std"],
    ["QuickJS's own os", "return typeof os"],
    ["console", "return typeof console"],
    ["performance", "return typeof performance"],
    [
      "call sites",
      "Error.prepareStackTrace = (_, sites) => sites; const found = new Error('x').stack; return Array.isArray(found) && typeof found[0]?.getThis?.() === 'object' ? 'sites' : 'undefined'",
    ],
  ])("when a function looks for %s then there is nothing of the host", async (_what, code) => {
    const found = await answer("f(x STRING) RETURNS STRING", code, "f('a')").catch((error: Error) => error);
    if (found instanceof Error) expect(found.message).toMatch(/process.* is not defined|in function f/);
    else expect(["undefined", "function"]).toContain(found);
  });

  test.each<[string, string]>([
    ["calls what a constructor made", "return x.constructor.constructor('return process.pid')()"],
    ["calls eval", "return (0, eval)('process.env.HOME')"],
    ["imports a module", "return import('node:fs').then((fs) => 'got ' + typeof fs.readFileSync)"],
    ["walks up a stack", "return (function f() { return f.caller.arguments[0].process.pid })()"],
    ["asks for the time", "return String(Date.now())"],
    ["makes a Date of now", "return new Date().toISOString()"],
    ["makes a Date of now another way", "return new (Object.getPrototypeOf(new Date(0)).constructor)().toISOString()"],
    ["calls Date as a function", "return Date()"],
    ["extends Date", "class Now extends Date {} return new Now().toISOString()"],
  ])("when a function %s then it fails", async (_what, code) => {
    await expect(answer("f(x STRING) RETURNS STRING", code, "f('a')")).rejects.toMatchObject({
      code: "sql.evaluation",
    });
  });

  test("when the machine is in another time zone then a function is still in UTC", async () => {
    const before = process.env["TZ"];
    process.env["TZ"] = "America/New_York";
    try {
      const code =
        "return [x.getHours(), x.getTimezoneOffset(), new Date(2024, 6, 1, 12).toISOString(), new Date(x.getTime()).toString()].join(' ')";
      expect(await answer("f(x TIMESTAMP) RETURNS STRING", code, "f(TIMESTAMP '2024-07-01 01:00:00+00')")).toBe(
        "1 0 2024-07-01T12:00:00.000Z Mon Jul 01 2024 01:00:00 GMT+0000",
      );
    } finally {
      if (before === undefined) delete process.env["TZ"];
      else process.env["TZ"] = before;
    }
  });

  test("when a function changes built-in objects then no other function and no later statement sees it", async () => {
    const lasting = (head: string, code: string): string =>
      fn(head, code).replace(/TEMP(ORARY)? FUNCTION/i, "FUNCTION");
    await warehouse.run(
      lasting(
        "spoil() RETURNS STRING",
        "Object.prototype.spoilt = 'yes'; Array.prototype.push = null; JSON.stringify = () => 'gone'; String.prototype.toJSON = () => 1; globalThis.kept = 1; return 'done'",
      ),
    );
    await warehouse.run("SELECT spoil()").catch(() => undefined);
    const sql = `${lasting("f() RETURNS STRING", "return String(({}).spoilt) + typeof kept + [].push(1)")} SELECT f(), spoil() IS NULL`;
    expect((await warehouse.run(sql)).rows[0]?.[0]).toBe("undefinedundefined1");
    expect((await warehouse.run("SELECT f()")).rows[0]?.[0]).toBe("undefinedundefined1");
    expect(({} as Record<string, unknown>)["spoilt"]).toBeUndefined();
  });

  test("when a function takes keys that are special to JavaScript then the host's objects stay as they are", async () => {
    const code = 'return JSON.parse(\'{"__proto__": {"spoilt": 1}, "constructor": {"prototype": {"spoilt": 1}}}\')';
    await answer("f() RETURNS JSON", code, "f()");
    await answer("f(x STRUCT<__proto__ STRING>) RETURNS STRING", "return x.__proto__", "f(STRUCT('a' AS __proto__))");
    expect(({} as Record<string, unknown>)["spoilt"]).toBeUndefined();
  });

  test.each<[string, string, RegExp]>([
    ["memory", "const all = []; for (;;) all.push(new Uint8Array(1e6));", /memory/],
    ["memory in one piece", "return 'x'.repeat(2 ** 29).length + ''", /memory|string|length/],
    ["memory in a buffer", "return String(new Uint8Array(2 ** 30).length)", /memory|length|size/],
    ["the stack", "const f = () => f() + 1; return f()", /stack|InternalError/],
    [
      "the stack of a pattern",
      "return String(/(a?){20}(a){20}(b?){20}c/.test('('.repeat(1e5)) + JSON.stringify([]))",
      /.*/,
    ],
    [
      "the stack of a parser",
      "return JSON.stringify(JSON.parse('['.repeat(1e6)))",
      /stack|memory|SyntaxError|InternalError/,
    ],
  ])("when a function wants all of %s then it alone is ended", async (_what, code, message) => {
    const said = await answer("f() RETURNS STRING", code, "f()").catch(
      (error: { code: string; message: string }) => error,
    );
    if (typeof said === "object" && said !== null && "code" in said) {
      expect(said.code).toBe("sql.evaluation");
      expect(said.message).toMatch(message);
    }
    expect(await answer("g() RETURNS STRING", "return 'well'", "g()")).toBe("well");
  });

  test.each<[string, string]>([
    ["loops and catches everything", "for (;;) { try { for (;;); } catch (e) {} finally { continue; } }"],
    ["asks a built-in function for more than there is time", "return [].indexOf.call({ length: 2 ** 53 - 1 }, 1)"],
  ])("when a function %s then it is ended in time, and others go on", async (_what, code) => {
    const endless = { names: [], code, parameters: [], result: { kind: "text" as const } };
    await startSandbox();
    const began = performance.now();
    expect(() => runFunction(-1, endless, ["[]"], 200)).toThrow(/took longer than 0.2 s/);
    expect(performance.now() - began).toBeLessThan(20_000);
    expect(await answer("g() RETURNS STRING", "return 'well'", "g()")).toBe("well");
  });
  test("when a function's Promises wait for each other without end then the statement fails", async () => {
    const endless = {
      names: [],
      code: "const again = () => Promise.resolve().then(again); return again()",
      parameters: [],
      result: { kind: "text" as const },
    };
    await startSandbox();
    expect(() => {
      if (!runFunction(-2, endless, ["[]"], 200)[0]![0]) throw new Error("ended");
    }).toThrow();
  });
});

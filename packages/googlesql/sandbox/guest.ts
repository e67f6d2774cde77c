/**
 * What runs inside the sandbox before and around a user's function, as JavaScript text. It keeps its own copies of what it
 * needs, so that nothing that the function does to built-in objects reaches the exchange. Values cross as JSON text:
 *
 *   one row of arguments    [1.5, "abc", {"$": "-Infinity"}]       by `Shape`
 *   what a batch gives      [[true, [value, ...]] or [false, "TypeError: ..."], isPending]
 *
 * There is no clock: `new Date()` and `Date.now()` throw, since a date that is guessed would be a wrong answer.
 */
export const guestText = `(function () {
  "use strict";
  const { parse, stringify } = JSON;
  const { apply, construct } = Reflect;
  const { trunc, abs } = Math;
  const OwnDate = Date, OwnFunction = Function, OwnPromise = Promise, OwnString = String, OwnNumber = Number, OwnBigInt = BigInt;
  const { getTime, toISOString } = Date.prototype;
  const dateParse = Date.parse;
  const { then } = Promise.prototype;
  const { defineProperty } = Object;
  const toText = BigInt.prototype.toString;
  const OwnError = Error;

  const noClock = () => {
    throw new OwnError("a function LANGUAGE js has no clock here; pass CURRENT_TIMESTAMP() or CURRENT_DATE() in as an argument");
  };
  function Clockless(...given) {
    if (new.target === undefined || given.length === 0) noClock();
    return construct(OwnDate, given, new.target === Clockless ? OwnDate : new.target);
  }
  for (const [name, value] of [["prototype", OwnDate.prototype], ["length", 7], ["name", "Date"], ["UTC", OwnDate.UTC], ["parse", dateParse], ["now", noClock]])
    defineProperty(Clockless, name, { value, writable: false, enumerable: false, configurable: false });
  defineProperty(OwnDate.prototype, "constructor", { value: Clockless, writable: true, enumerable: false, configurable: true });
  globalThis.Date = Clockless;
  for (const name of ["performance", "print", "console", "scriptArgs", "std", "os", "bjson", "navigator"]) delete globalThis[name];

  const isDate = (value) => {
    try { apply(getTime, value, []); return true; } catch { return false; }
  };

  function toUser(value, shape) {
    if (value === null) return null;
    switch (shape.kind) {
      case "number":
        return typeof value === "object" ? OwnNumber(value.$) : value;
      case "date": {
        const date = new OwnDate(value);
        defineProperty(date, "microsecond", { get: () => { throw new OwnError("Date.microsecond is not served"); }, enumerable: false, configurable: true });
        return date;
      }
      case "array": {
        const made = [];
        for (let i = 0; i < value.length; i++) defineProperty(made, i, { value: toUser(value[i], shape.element), writable: true, enumerable: true, configurable: true });
        return made;
      }
      case "object": {
        const made = {};
        for (let i = 0; i < shape.fields.length; i++)
          defineProperty(made, shape.fields[i].name, { value: toUser(value[i], shape.fields[i].shape), writable: true, enumerable: true, configurable: true });
        return made;
      }
      default:
        return value;
    }
  }

  /** What the host reads by the type of the result: texts, numbers, truths, arrays of these, null. */
  function fromUser(value, shape) {
    if (value === null || value === undefined) return null;
    if (typeof value === "string" && shape.kind !== "json") return value;
    switch (shape.kind) {
      case "boolean":
        return typeof value === "boolean" ? value : OwnString(value);
      case "number":
        if (typeof value === "number" && value - value === 0 && value !== 0) return value;
        return typeof value === "number" ? (value === 0 && 1 / value < 0 ? "-0" : OwnString(value)) : typeof value === "bigint" ? apply(toText, value, []) : OwnString(value);
      case "integer":
        return typeof value === "number" && trunc(value) === value && abs(value) <= 9223372036854775808 ? apply(toText, OwnBigInt(value), []) : typeof value === "bigint" ? apply(toText, value, []) : OwnString(value);
      case "date":
        return isDate(value) ? { ms: apply(getTime, value, []) } : OwnString(value);
      case "json":
        return stringify(value) ?? null;
      case "array": {
        if (typeof value !== "object" || typeof value.length !== "number") throw new OwnError("an array is wanted, not " + OwnString(value));
        const made = [];
        for (let i = 0; i < value.length; i++) made[i] = fromUser(value[i], shape.element);
        return made;
      }
      case "object": {
        if (typeof value !== "object") throw new OwnError("an object is wanted, not " + OwnString(value));
        const made = [];
        for (let i = 0; i < shape.fields.length; i++) made[i] = fromUser(value[shape.fields[i].name], shape.fields[i].shape);
        return made;
      }
      default:
        return isDate(value) ? apply(toISOString, value, []) : OwnString(value);
    }
  }

  const said = (error) => {
    try {
      if (typeof error === "object" && error !== null && "message" in error) return OwnString(error.name ?? "Error") + ": " + OwnString(error.message);
      return OwnString(error);
    } catch { return "an error that cannot be printed"; }
  };

  let call, argumentShapes, resultShape, results, open;

  return {
    define(text) {
      const { names, code, parameters, result } = parse(text);
      call = construct(OwnFunction, [...names, code]);
      argumentShapes = [];
      // Of a text, a truth and a JSON value what was parsed is the value.
      for (let i = 0; i < parameters.length; i++) {
        const { kind } = parameters[i];
        argumentShapes[i] = kind === "text" || kind === "boolean" || kind === "json" ? null : parameters[i];
      }
      resultShape = result;
    },
    run(text) {
      const rows = parse(text);
      results = [];
      open = 0;
      for (let row = 0; row < rows.length; row++) {
        const given = rows[row];
        for (let i = 0; i < given.length; i++) if (argumentShapes[i] !== null) given[i] = toUser(given[i], argumentShapes[i]);
        try {
          const value = apply(call, undefined, given);
          if (value instanceof OwnPromise) {
            open++;
            results[row] = [false, "the Promise was never settled"];
            apply(then, value, [
              (settled) => { open--; try { results[row] = [true, fromUser(settled, resultShape)]; } catch (error) { results[row] = [false, said(error)]; } },
              (error) => { open--; results[row] = [false, said(error)]; },
            ]);
          } else results[row] = [true, fromUser(value, resultShape)];
        } catch (error) {
          results[row] = [false, said(error)];
          return stringify(results);
        }
      }
      return open > 0 ? "" : stringify(results);
    },
    settled() { return stringify(results); },
  };
})()`;

import { coreLibrary } from "../emit/core.ts";
import { catalogue } from "../functions/catalogue.ts";
import type { JsFunction, Macro } from "../functions/contract.ts";
import { startSandbox } from "../sandbox/sandbox.ts";
import { type DuckDBConnection, DuckDBScalarFunction } from "./client.ts";
import { fromJsValue, toJsValue, typeOfText } from "./values.ts";

const macros = new Map<string, Macro>();
const jsFunctions = new Map<string, JsFunction>();
for (const library of [coreLibrary, ...catalogue]) {
  for (const macro of library.macros ?? []) {
    if (macros.has(macro.name) && macros.get(macro.name)!.definition !== macro.definition)
      throw new Error(`macro defined twice: ${macro.name}`);
    macros.set(macro.name, macro);
  }
  for (const fn of library.js ?? []) {
    if (jsFunctions.has(fn.name)) throw new Error(`JS function defined twice: ${fn.name}`);
    jsFunctions.set(fn.name, fn);
  }
}

/**
 * Why values could not be served: TRY, on which SAFE. and IFERROR stand, takes that for an error of the data and hides it.
 */
const valueRefusals: string[] = [];

export function forgetRefusals(): void {
  valueRefusals.length = 0;
}

/** Throws what a statement that came to its end has hidden. */
export function throwHiddenRefusal(): void {
  const [first] = valueRefusals.splice(0);
  if (first !== undefined) throw new Error(`!!${first}`);
}

const helperName = /\bgs_[a-z0-9_]+/g;

/** Installs the macros and JS functions that a DuckDB text names, and what these name in turn, once per connection. */
export class FunctionInstaller {
  private installed = new Set<string>();
  private marked: ReadonlySet<string> | undefined;
  private readonly userFunctions: JsFunction[] = [];
  private readonly connection: DuckDBConnection;

  constructor(connection: DuckDBConnection) {
    this.connection = connection;
  }

  /** Throws a plain Error when the text names a helper that nobody defines. */
  async installFor(sql: string): Promise<void> {
    // A function that broke the sandbox took it with it.
    if (this.userFunctions.length > 0) await startSandbox();
    const statements: string[] = [];
    this.collect(sql, statements);
    if (statements.length > 0) await this.connection.run(statements.join(";\n"));
  }

  /** A transaction begins: what is installed within it goes with it, should it be rolled back. */
  mark(): void {
    this.marked = new Set(this.installed);
  }

  backToMark(): void {
    this.installed = new Set(this.marked);
  }

  /** To be called when a statement has ended, well or not. */
  release(): void {
    for (const fn of this.userFunctions) fn.release?.();
  }

  /** Registers a JS function of the user's own (CREATE FUNCTION ... LANGUAGE js). */
  register(fn: JsFunction): void {
    this.installed.add(fn.name);
    this.userFunctions.push(fn);
    registerJs(this.connection, fn);
  }

  private collect(sql: string, statements: string[]): void {
    for (const name of new Set(sql.match(helperName) ?? [])) {
      if (this.installed.has(name)) continue;
      const macro = macros.get(name);
      const js = jsFunctions.get(name);
      if (!macro && !js) continue;
      this.installed.add(name);
      if (js) registerJs(this.connection, js);
      if (macro) {
        this.collect(macro.definition, statements);
        statements.push(`CREATE OR REPLACE TEMP MACRO ${macro.name}${macro.definition}`);
      }
    }
  }
}

function registerJs(connection: DuckDBConnection, fn: JsFunction): void {
  const write = fromJsValue(fn.result);
  const ownNulls = fn.nulls === "own";
  const scalar = DuckDBScalarFunction.create({
    name: fn.name,
    parameterTypes: fn.args.map(typeOfText),
    ...(fn.varargs === undefined ? {} : { varArgsType: typeOfText(fn.varargs) }),
    returnType: typeOfText(fn.result),
    specialHandling: true,
    volatile: fn.volatile === true,
    mainFunction: (info, input, output) => {
      const columns = Array.from({ length: input.columnCount }, (_, i) => input.getColumnVector(i));
      const argsOf = (row: number) => columns.map((column) => toJsValue(column.getItem(row)));
      try {
        if (fn.batch) {
          const values = fn.batch(Array.from({ length: input.rowCount }, (_, row) => argsOf(row)));
          for (let row = 0; row < input.rowCount; row++) output.setItem(row, write(values[row] ?? null));
        } else {
          for (let row = 0; row < input.rowCount; row++) {
            const args = argsOf(row);
            output.setItem(row, !ownNulls && args.includes(null) ? null : write(fn.run(...args)));
          }
        }
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        if (message.startsWith("refused.")) valueRefusals.push(message);
        info.setError(`!!${message}`);
        return;
      }
      output.flush();
    },
  });
  try {
    connection.registerScalarFunction(scalar);
  } catch (error) {
    // Another connection to the same database has registered it already: functions live in the database.
    if (!/exists|register/i.test(String(error))) throw error;
  }
}

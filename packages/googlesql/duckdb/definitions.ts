import { randomBytes } from "node:crypto";
import { alterTexts } from "../analyzer/alter.ts";
import type { Analysis } from "../analyzer/context.ts";
import { createTable, createView, notAllowed, refuseCollation } from "../analyzer/ddl.ts";
import { readOptions } from "../analyzer/options.ts";
import { checkTableFunction } from "../analyzer/table-functions.ts";
import { resolveType } from "../analyzer/type-names.ts";
import { checkFunction } from "../analyzer/user-functions.ts";
import type { Alter, CreateFunction, CreateProcedure, CreateTableFunction, Drop, NodeBase, Statement } from "../ast.ts";
import type { CatalogTable, ForeignFunction, SqlFunction, UserFunction, UserTableFunction } from "../catalog.ts";
import { quoteName } from "../emit/text.ts";
import { UnsupportedGoogleSql } from "../errors.ts";
import { pathOf } from "../path-of.ts";
import { readScript } from "../read-script.ts";
import { GuestSyntaxError } from "../sandbox/guest-realm.ts";
import { startSandbox } from "../sandbox/sandbox.ts";
import { analysisFor } from "../translate.ts";
import type { GoogleSqlType } from "../types.ts";
import { unfitForJs, userJsFunction } from "./js-functions.ts";
import { checkParameters } from "./procedures.ts";
import { type CreateRoutine, makeKnown, type Routine, routineKey } from "./routines.ts";
import type { GoogleSqlSession } from "./session.ts";

/** The statements that make, change and drop tables, views, schemas and functions. */
export type Definition = Extract<
  Statement,
  {
    kind:
      | "create-table"
      | "create-view"
      | "create-schema"
      | "create-function"
      | "create-table-function"
      | "create-procedure"
      | "drop"
      | "alter";
  }
>;

/** Carries out a definition; `a` is the analysis of the text that it stands in. Throws a subclass of GoogleSqlError. */
export async function define(session: GoogleSqlSession, a: Analysis, node: Definition): Promise<void> {
  switch (node.kind) {
    case "create-table":
      return await runAll(session, createTable(a, node));
    case "create-view":
      return await runAll(session, createView(a, node));
    case "create-schema": {
      refuseCollation(a, node, node.defaultCollation);
      readOptions(a, "schema", node.options);
      const ifNot = node.ifNotExists || node.orReplace ? "IF NOT EXISTS " : "";
      return await runAll(session, [`CREATE SCHEMA ${ifNot}${quoteName(pathOf(node.name).at(-1)!)}`]);
    }
    case "create-function":
      return await createFunction(session, a, node);
    case "create-table-function":
      return createTableFunction(session, a, node);
    case "create-procedure":
      return createProcedure(session, a, node);
    case "drop":
      return await drop(session, a, node);
    case "alter":
      return await alter(session, a, node);
  }
}

async function runAll(session: GoogleSqlSession, texts: readonly string[]): Promise<void> {
  session.catalog.isStale = true;
  for (const text of texts) await session.execute(text);
  await session.catalog.refresh();
}

/** Whether a routine of that name is to be made: not when there is one already that is to stay. */
function mayCreate(a: Analysis, node: CreateRoutine, exists: boolean): boolean {
  if (!exists || node.orReplace || (node.temporary && !node.ifNotExists)) return true;
  if (node.ifNotExists) return false;
  const what = node.kind === "create-procedure" ? "Procedure" : "Function";
  return a.fail(node.name, `${what} already exists: ${pathOf(node.name).join(".")}`);
}

/** What is not served is told where the function is called: it may not be. */
function ifServed(check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof UnsupportedGoogleSql)) throw error;
  }
}

function createTableFunction(session: GoogleSqlSession, a: Analysis, node: CreateTableFunction): void {
  const { tableFunctions } = session.catalog;
  const key = routineKey(pathOf(node.name));
  if (!mayCreate(a, node, tableFunctions.has(key))) return;
  const made: UserTableFunction = { definition: node, source: a.source };
  ifServed(() => checkTableFunction(a, made));
  session.routineChanges.push(makeKnown(a, node, tableFunctions, made));
}

function createProcedure(session: GoogleSqlSession, a: Analysis, node: CreateProcedure): void {
  const { procedures } = session.catalog;
  if (!mayCreate(a, node, procedures.has(routineKey(pathOf(node.name))))) return;
  checkParameters(a, node);
  session.routineChanges.push(makeKnown(a, node, procedures, { definition: node, source: a.source }));
}

/**
 * Has a routine that another session made be known here too, as it was found good there. `isRegistered`: the database has its
 * JavaScript already, and would take its transaction for failed if it got it twice.
 */
export async function restoreRoutine(
  session: GoogleSqlSession,
  routine: Routine,
  isRegistered: boolean,
): Promise<void> {
  const source = { text: routine.text };
  const [node] = readScript(source).statements;
  const { functions, tableFunctions, procedures } = session.catalog;
  if (node?.kind === "create-procedure") procedures.set(routine.key, { definition: node, source });
  else if (node?.kind === "create-table-function") tableFunctions.set(routine.key, { definition: node, source });
  else if (node?.kind === "create-function" && node.body.kind === "sql-function-body")
    functions.set(routine.key, { kind: "sql", definition: node, source });
  else if (node?.kind === "create-function") {
    const a = analysisFor(source, session.catalog, {});
    functions.set(routine.key, await jsFunction(session, a, node, { name: routine.duckdbName!, isRegistered }));
  }
}

async function createFunction(session: GoogleSqlSession, a: Analysis, node: CreateFunction): Promise<void> {
  const key = routineKey(pathOf(node.name));
  const { functions } = session.catalog;
  if (!mayCreate(a, node, functions.has(key))) return;
  if (node.body.kind === "sql-function-body") {
    const made: SqlFunction = { kind: "sql", definition: node, source: a.source };
    ifServed(() => checkFunction(a, made));
    session.routineChanges.push(makeKnown<UserFunction>(a, node, functions, made));
    return;
  }
  const made = await jsFunction(session, a, node);
  session.routineChanges.push(makeKnown<UserFunction>(a, node, functions, made, made.duckdbName));
}

async function jsFunction(
  session: GoogleSqlSession,
  a: Analysis,
  node: CreateFunction,
  given?: { readonly name: string; readonly isRegistered: boolean } | undefined,
): Promise<ForeignFunction> {
  if (node.body.kind === "sql-function-body") throw new Error("a function with a SQL body is not one in JavaScript");
  if (node.body.language !== "js") a.refuse(node, `language_${node.body.language}`, "functions in this language");
  if (node.aggregate) a.refuse(node, "js_aggregate_function", "an aggregate function in JavaScript");
  const returns = node.returns ?? a.fail(node, "A LANGUAGE js function needs RETURNS");
  const parameters = node.parameters.map((parameter) => {
    if (parameter.type.kind === "table-parameter-type" || parameter.type.kind === "templated-type") {
      return a.fail(parameter, "A LANGUAGE js function cannot take this parameter");
    }
    if (parameter.default) a.refuse(parameter, "js_function", "the default of a parameter in JavaScript");
    const type = resolveType(a, parameter.type);
    if (unfitForJs(type, "in")?.kind === "INT64")
      return a.fail(
        parameter,
        `A LANGUAGE js function takes no INT64, which JavaScript's numbers cannot hold: make ${parameter.name.name} FLOAT64, or STRING to keep every digit`,
      );
    refuseUnfit(a, parameter, type, "in");
    return { name: parameter.name.name, type };
  });
  if (node.options?.entries.some((option) => /^library$/i.test(option.name.name)))
    return a.refuse(node, "js_library", "a function in JavaScript with a library in Cloud Storage");
  const result = resolveType(a, returns);
  refuseUnfit(a, returns, result, "out");
  const duckdbName = (given?.name ?? `gs_js_${randomBytes(8).toString("hex")}`) as `gs_${string}`;
  const isVolatile = node.determinism === "not-deterministic";
  await startSandbox();
  try {
    const shownName = pathOf(node.name).join(".");
    const made = userJsFunction(duckdbName, shownName, parameters, result, node.body.code, isVolatile);
    if (given?.isRegistered !== true) session.installer.register(made);
  } catch (error) {
    if (error instanceof GuestSyntaxError) a.fail(node.body, `JavaScript: ${error.message}`);
    a.refuse(node, "js_function", error instanceof Error ? error.message : String(error));
  }
  return { kind: "foreign", duckdbName, parameters, result, isVolatile };
}

function refuseUnfit(a: Analysis, at: NodeBase, type: GoogleSqlType, way: "in" | "out"): void {
  const unfit = unfitForJs(type, way);
  if (unfit)
    a.refuse(at, "js_type", `${unfit.kind} as a ${way === "in" ? "parameter" : "result"} of a function LANGUAGE js`);
}

async function drop(session: GoogleSqlSession, a: Analysis, node: Drop): Promise<void> {
  const path = pathOf(node.name);
  const { catalog } = session;
  if (node.object === "function" || node.object === "table-function" || node.object === "procedure") {
    const kept = {
      function: catalog.functions,
      "table-function": catalog.tableFunctions,
      procedure: catalog.procedures,
    }[node.object];
    const key = routineKey(path);
    if (kept.delete(key)) session.routineChanges.push({ how: "dropped", kind: node.object, key });
    else if (!node.ifExists)
      a.fail(node.name, `${node.object === "procedure" ? "Procedure" : "Function"} not found: ${path.join(".")}`);
    return;
  }
  if (node.object === "schema") {
    const cascade = node.behaviour === "cascade" ? " CASCADE" : "";
    return await runAll(session, [
      `DROP SCHEMA ${node.ifExists ? "IF EXISTS " : ""}${quoteName(path.at(-1)!)}${cascade}`,
    ]);
  }
  const isSnapshot = node.object === "snapshot-table";
  const wanted = node.object === "table" || isSnapshot ? "table" : node.object.endsWith("view") ? "view" : undefined;
  if (!wanted) return a.refuse(node, `DROP_${node.object.toUpperCase().replaceAll("-", "_")}`, "this kind of object");
  const table = catalog.table(path);
  if (!table) {
    if (!node.ifExists) a.fail(node.name, `Not found: ${path.join(".")}`);
    return;
  }
  if (table.kind !== wanted) a.fail(node.name, `${path.join(".")} is a ${table.kind}, not a ${wanted}`);
  checkSnapshot(a, node, table);
  await runAll(session, [`DROP ${wanted.toUpperCase()} ${table.sql}`]);
}

/** DROP SNAPSHOT TABLE is for snapshots, and nothing else drops one. */
export function checkSnapshot(a: Analysis, node: Drop, table: CatalogTable): void {
  const isOne = table.properties?.madeAs === "snapshot";
  if (node.object === "table" && isOne) notAllowed(a, node.name, "SNAPSHOT");
  if (node.object === "snapshot-table" && !isOne) a.fail(node.name, `${pathOf(node.name).join(".")} is no snapshot`);
}

async function alter(session: GoogleSqlSession, a: Analysis, node: Alter): Promise<void> {
  const path = pathOf(node.name);
  if (node.object === "schema") {
    for (const action of node.actions) {
      if (action.kind !== "set-options") return a.refuse(node, "ALTER_SCHEMA", "this action");
      readOptions(a, "schema", action.options);
    }
    return;
  }
  const table = session.catalog.table(path);
  if (!table) {
    if (node.ifExists) return;
    return a.fail(node.name, `Table not found: ${path.join(".")}`);
  }
  for (const action of node.actions) {
    if (table.properties?.madeAs === "snapshot" && action.kind !== "set-options") notAllowed(a, node.name, "SNAPSHOT");
    const texts = alterTexts(a, action, session.catalog.table(path) ?? table);
    if (texts.length > 0) await runAll(session, texts);
  }
}

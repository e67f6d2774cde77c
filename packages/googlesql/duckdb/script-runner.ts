import { type Change, deleteRows, insert, merge, truncate, update } from "../analyzer/dml.ts";
import { declaredText, limitedType } from "../analyzer/type-limits.ts";
import type {
  Call,
  CreateConstant,
  Declare,
  ExecuteImmediate,
  Expression,
  Identifier,
  NodeBase,
  Query,
  Script,
  SetVariable,
  Statement,
} from "../ast.ts";
import { emptySelect } from "../empty-select.ts";
import {
  GoogleSqlAnalysisError,
  GoogleSqlError,
  GoogleSqlEvaluationError,
  type Source,
  UnsupportedGoogleSql,
} from "../errors.ts";
import { analysisFor, type Binding, type TranslateOptions } from "../translate.ts";
import { type GoogleSqlType, holdsCollated, INT64, STRING, scalarTypes } from "../types.ts";
import { define } from "./definitions.ts";
import { checkInto, intoValues, readDynamicStatement, usingParameters } from "./execute-immediate.ts";
import { frameOf, givenBack } from "./procedures.ts";
import { bindingOf } from "./render-value.ts";
import type { GoogleSqlSession, SessionResult } from "./session.ts";
import type { StructEntry, Value } from "./values.ts";

/** What one statement of a script gave. */
export interface StatementOutcome {
  readonly kind: Statement["kind"];
  /** For a query. */
  readonly result?: SessionResult | undefined;
  /** For DML. */
  readonly rowsAffected?: number | undefined;
}

class Leave extends Error {
  constructor(
    readonly how: "break" | "continue" | "return",
    readonly label: string | undefined,
  ) {
    super(how);
  }
}

/** A variable that a statement gives a value, by name in lower case. */
interface Target {
  readonly key: string;
  readonly type: GoogleSqlType;
  /** The type with its limits, where it has any. */
  readonly declared?: string | undefined;
}

const copySystemVariables = (from: ReadonlyMap<string, Binding>, to: Map<string, Binding>): void => {
  for (const [key, binding] of from) if (key.startsWith("@@")) to.set(key, binding);
};

/** Runs the statements of a script one by one, with its variables and control flow. */
export class ScriptRunner {
  readonly outcomes: StatementOutcome[] = [];
  private readonly variables = new Map<string, Binding>();
  private caught: GoogleSqlError | undefined;
  private readonly session: GoogleSqlSession;
  private readonly source: Source;
  private readonly options: TranslateOptions;

  constructor(session: GoogleSqlSession, script: Script, options: TranslateOptions) {
    this.session = session;
    this.source = { text: script.text, file: script.file };
    this.options = options;
    this.variables.set("@@time_zone", bindingOf("UTC", STRING));
    for (const [name, binding] of session.constants) this.variables.set(name, binding);
    for (const [name, binding] of options.variables ?? []) this.variables.set(name.toLowerCase(), binding);
  }

  async run(statements: readonly Statement[]): Promise<void> {
    try {
      await this.all(statements);
    } catch (error) {
      if (!(error instanceof Leave)) throw error;
      if (error.how !== "return")
        throw new GoogleSqlEvaluationError(`${error.how.toUpperCase()} is only allowed inside of a loop body`);
    }
  }

  private get scope(): TranslateOptions {
    return { ...this.options, file: this.source.file, variables: this.variables };
  }

  private fail(node: NodeBase, message: string): never {
    throw new GoogleSqlAnalysisError(message, this.source, node.span);
  }

  private refuse(node: NodeBase, what: string, reason: string): never {
    throw new UnsupportedGoogleSql(what, reason, { source: this.source, span: node.span });
  }

  private async all(statements: readonly Statement[]): Promise<void> {
    for (const statement of statements) await this.one(statement);
  }

  private async one(node: Statement): Promise<void> {
    this.session.budget.check();
    switch (node.kind) {
      case "query-statement":
        this.outcomes.push({ kind: node.kind, result: await this.session.query(node.query, this.source, this.scope) });
        return;
      case "insert":
      case "update":
      case "delete":
      case "merge":
      case "truncate":
        return await this.change(node);
      case "create-table":
      case "create-view":
      case "create-schema":
      case "create-function":
      case "create-table-function":
      case "create-procedure":
      case "drop":
      case "alter":
        await define(this.session, this.analysis(), node);
        this.outcomes.push({ kind: node.kind });
        return;
      case "create-constant":
        return await this.createConstant(node);
      case "declare":
        return await this.declare(node);
      case "set-variable":
        return await this.set(node);
      case "if": {
        for (const branch of node.branches) {
          if (await this.truth(branch.condition)) return await this.all(branch.statements);
        }
        return await this.all(node.otherwise ?? []);
      }
      case "case-statement": {
        for (const branch of node.branches) {
          const test: Expression = node.operand
            ? { kind: "binary", operator: "=", left: node.operand, right: branch.condition, span: branch.span }
            : branch.condition;
          if (await this.truth(test)) return await this.all(branch.statements);
        }
        return await this.all(node.otherwise ?? []);
      }
      case "while":
        return await this.loop(node.label?.name, node.statements, async () => await this.truth(node.condition));
      case "loop":
        return await this.loop(node.label?.name, node.statements, async () => true);
      case "repeat": {
        let first = true;
        return await this.loop(node.label?.name, node.statements, async () => {
          if (first) {
            first = false;
            return true;
          }
          return !(await this.truth(node.until));
        });
      }
      case "for-in": {
        const result = await this.session.query(node.query, this.source, this.scope);
        const type: GoogleSqlType = {
          kind: "STRUCT",
          fields: result.columns.map((column) => ({
            name: column.name === "" ? undefined : column.name,
            type: column.type,
          })),
        };
        this.refuseCollated(node.query, type);
        const rows = result.rows.map((row): readonly StructEntry[] =>
          row.map((value, i) => ({ name: result.columns[i]!.name, value })),
        );
        const key = node.variable.name.toLowerCase();
        const before = this.variables.get(key);
        let at = 0;
        await this.loop(node.label?.name, node.statements, async () => {
          if (at >= rows.length) return false;
          this.variables.set(key, bindingOf(rows[at++]!, type));
          return true;
        });
        if (before) this.variables.set(key, before);
        else this.variables.delete(key);
        return;
      }
      case "break":
      case "continue":
        throw new Leave(node.kind, node.label?.name.toLowerCase());
      case "return":
        throw new Leave("return", undefined);
      case "block":
        return await this.block(node);
      case "raise": {
        if (!node.message) {
          if (this.caught) throw this.caught;
          return this.fail(node, "RAISE without a message is only allowed in an exception handler");
        }
        throw new GoogleSqlEvaluationError(String((await this.value(node.message)).value));
      }
      case "assert":
        if (!(await this.truth(node.condition)))
          throw new GoogleSqlEvaluationError(node.description ?? "Assertion failed");
        return;
      case "transaction":
        return await this.session.transaction(node.action);
      case "execute-immediate":
        return await this.executeImmediate(node);
      case "call":
        return await this.call(node);
      default:
        return this.refuse(node, node.kind.replaceAll("-", "_"), "this statement");
    }
  }

  private analysis() {
    return analysisFor(this.source, this.session.catalog, this.scope);
  }

  private async change(
    node: Extract<Statement, { kind: "insert" | "update" | "delete" | "merge" | "truncate" }>,
  ): Promise<void> {
    const a = this.analysis();
    const change: Change =
      node.kind === "insert"
        ? insert(a, node)
        : node.kind === "update"
          ? update(a, node)
          : node.kind === "delete"
            ? deleteRows(a, node)
            : node.kind === "merge"
              ? merge(a, node)
              : truncate(a, node);
    if (change.guard) {
      const hits = await this.session.read(change.guard.sql, [{ name: "", type: INT64 }]);
      if (hits.length > 0) throw new GoogleSqlEvaluationError(change.guard.message);
    }
    const rowsAffected = await this.session.execute(change.sql);
    this.variables.set("@@row_count", bindingOf(BigInt(rowsAffected), INT64));
    this.outcomes.push({ kind: node.kind, rowsAffected });
  }

  private async createConstant(node: CreateConstant): Promise<void> {
    const { constants } = this.session;
    const name = node.name.parts.map((part) => part.name).join(".");
    if (node.name.parts.length > 1) return this.refuse(node.name, "CREATE_CONSTANT", "a constant in a dataset");
    const key = name.toLowerCase();
    if (constants.has(key) && !node.orReplace && !node.temporary) {
      if (node.ifNotExists) return;
      this.fail(node.name, `Constant already exists: ${name}`);
    }
    const { value, type } = await this.value(node.value);
    const binding = bindingOf(value, type);
    constants.set(key, binding);
    this.variables.set(key, binding);
    this.outcomes.push({ kind: node.kind });
  }

  /** Evaluates an expression on its own. */
  private async value(
    node: Expression,
    type?: GoogleSqlType,
    declared?: string | undefined,
  ): Promise<{ value: Value; type: GoogleSqlType }> {
    const query: Query = {
      kind: "query",
      span: node.span,
      with: undefined,
      orderBy: [],
      limit: undefined,
      pipes: [],
      body: {
        ...emptySelect(node.span),
        items: [{ kind: "select-expression", span: node.span, expression: node, alias: undefined }],
      },
    };
    const result = await this.session.query(query, this.source, this.scope, type, declared);
    this.refuseCollated(node, result.columns[0]!.type);
    return { value: result.rows[0]![0]!, type: result.columns[0]!.type };
  }

  private refuseCollated(at: NodeBase, type: GoogleSqlType): void {
    if (holdsCollated(type)) this.refuse(at, "collation", "a variable that would be a collated string");
  }

  private async truth(node: Expression): Promise<boolean> {
    return (await this.value(node, scalarTypes.BOOL)).value === true;
  }

  private async declare(node: Declare): Promise<void> {
    const type = node.type && limitedType(this.analysis(), node.type).type;
    const declared = node.type && declaredText(node.type);
    const given = node.default ? await this.value(node.default, type, declared) : { value: null, type: type ?? STRING };
    for (const name of node.names) {
      const key = name.name.toLowerCase();
      if (this.variables.has(key) && !this.session.constants.has(key))
        this.fail(name, `Variable ${name.name} is declared already`);
      this.variables.set(key, { ...bindingOf(given.value, given.type), declared });
    }
  }

  private async set(node: SetVariable): Promise<void> {
    const binding = (at: (typeof node.targets)[number]): Target => {
      // A label of the job, for BigQuery's own records; a query may read it back.
      if (at.kind === "system-variable" && at.parts.length === 1 && /^query_label$/i.test(at.parts[0]!.name))
        return { key: "@@query_label", type: STRING };
      if (at.kind !== "identifier")
        return this.refuse(at, "SET_system_variable", "setting a system variable or parameter");
      return this.declared(at);
    };
    if (!node.tuple || node.targets.length === 1) {
      const { key, type, declared } = binding(node.targets[0]!);
      this.variables.set(key, { ...bindingOf((await this.value(node.value, type, declared)).value, type), declared });
      return;
    }
    const targets = node.targets.map(binding);
    this.refuseLimits(node, targets);
    const type: GoogleSqlType = {
      kind: "STRUCT",
      fields: targets.map((target) => ({ name: undefined, type: target.type })),
    };
    const { value } = await this.value(node.value, type);
    for (const [i, target] of targets.entries()) {
      const field = value === null ? null : (value as readonly StructEntry[])[i]!.value;
      this.variables.set(target.key, bindingOf(field, target.type));
    }
  }

  private declared(at: Identifier): Target {
    const key = at.name.toLowerCase();
    const before = this.variables.get(key) ?? this.fail(at, `Undeclared variable: ${at.name}`);
    return { key, type: before.type, declared: before.declared };
  }

  /** Only DECLARE and SET of one variable hold it to its limits. */
  private refuseLimits(at: NodeBase, targets: readonly Target[]): void {
    const limited = targets.find(({ declared }) => declared !== undefined);
    if (limited)
      this.refuse(at, "parameterized_type", `${limited.key} is ${limited.declared}: give it its value with SET`);
  }

  /** Runs a statement made at run time. Of what is around it, it sees the system variables and what USING gives it. */
  private async executeImmediate(node: ExecuteImmediate): Promise<void> {
    const a = this.analysis();
    checkInto(a, node);
    const targets = node.into.map((at) => this.declared(at));
    this.refuseLimits(node, targets);
    const { value: text } = await this.value(node.sql, STRING);
    const values: Binding[] = [];
    for (const { value: given } of node.using) {
      const { value, type } = await this.value(given);
      values.push(bindingOf(value, type));
    }
    const parameters = usingParameters(a, node, values);
    const script = readDynamicStatement(a, node, text);
    const inner = new ScriptRunner(this.session, script, { file: script.file, ...parameters });
    copySystemVariables(this.variables, inner.variables);
    this.session.madeAtRunTime.push(...script.statements);
    await inner.run(script.statements);
    copySystemVariables(inner.variables, this.variables);
    if (targets.length === 0) this.outcomes.push(...inner.outcomes);
    else {
      const types = targets.map(({ type }) => type);
      const found = await intoValues(a, node, this.session, types, inner.outcomes[0]!.result!);
      for (const [i, { key, type }] of targets.entries()) this.variables.set(key, bindingOf(found[i]!, type));
    }
  }

  /** Runs a procedure's body, which sees its arguments and the system variables. */
  private async call(node: Call): Promise<void> {
    const { session } = this;
    const frame = await frameOf(this.analysis(), session, node, this.variables, (at, type) => this.value(at, type));
    this.refuseLimits(
      node,
      frame.results.map(({ to }) => ({ key: to, ...this.variables.get(to)! })),
    );
    const inner = new ScriptRunner(session, frame.body, { file: frame.body.file, variables: frame.variables });
    copySystemVariables(this.variables, inner.variables);
    session.madeAtRunTime.push(...frame.body.statements);
    session.callDepth++;
    try {
      await inner.run(frame.body.statements);
    } finally {
      session.callDepth--;
    }
    copySystemVariables(inner.variables, this.variables);
    this.outcomes.push(...inner.outcomes);
    for (const { from, to, node: at } of frame.results) {
      const { type } = this.variables.get(to)!;
      this.variables.set(to, await givenBack(this.analysis(), session, at, inner.variables.get(from)!, type));
    }
  }

  private async loop(
    label: string | undefined,
    statements: readonly Statement[],
    goOn: () => Promise<boolean>,
  ): Promise<void> {
    const own = label?.toLowerCase();
    while (await goOn()) {
      await this.session.budget.round();
      try {
        await this.all(statements);
      } catch (error) {
        if (!(error instanceof Leave) || error.how === "return") throw error;
        if (error.label !== undefined && error.label !== own) throw error;
        if (error.how === "break") return;
      }
    }
  }

  private async block(node: Extract<Statement, { kind: "block" }>): Promise<void> {
    const outer = new Map(this.variables);
    try {
      await this.all(node.statements);
    } catch (error) {
      if (
        error instanceof Leave &&
        error.how === "break" &&
        error.label !== undefined &&
        error.label === node.label?.name.toLowerCase()
      )
        return;
      if (!node.handler || !(error instanceof GoogleSqlError) || error instanceof UnsupportedGoogleSql) throw error;
      const before = this.caught;
      this.caught = error;
      this.variables.set("@@error.message", bindingOf(error.message, STRING));
      await this.all(node.handler);
      this.caught = before;
    } finally {
      for (const key of [...this.variables.keys()])
        if (!outer.has(key) && !key.startsWith("@@")) this.variables.delete(key);
    }
  }
}

import type { Expression, NamedParameter, SystemVariable } from "./expression.ts";
import type { Query } from "./query.ts";
import type { Statement } from "./statement.ts";
import type { Identifier, NodeBase, ObjectName, TypeName } from "./type.ts";

export interface Script extends NodeBase {
  readonly kind: "script";
  /** Where the text came from, if the caller said so. */
  readonly file: string | undefined;
  readonly text: string;
  readonly statements: readonly Statement[];
  /** The hints in it that are not for another engine (`@{other.hint = 1}`). */
  readonly ownHints: readonly HintName[];
}

export interface HintName {
  readonly name: string;
  /** Offset of the hint in the text. */
  readonly start: number;
}

/** GoogleSQL's procedural language. */
export type ScriptStatement =
  | Declare
  | SetVariable
  | If
  | CaseStatement
  | Loop
  | While
  | Repeat
  | ForIn
  | Break
  | Continue
  | Block
  | Raise
  | Call
  | Return
  | ExecuteImmediate
  | Transaction
  | Assert;

/** At least one of type and default is there. */
export interface Declare extends NodeBase {
  readonly kind: "declare";
  readonly names: readonly Identifier[];
  readonly type: TypeName | undefined;
  readonly default: Expression | undefined;
}

export interface SetVariable extends NodeBase {
  readonly kind: "set-variable";
  /** More than one for `SET (a, b) = (1, 2)`: then the value is a struct or tuple of as many fields. */
  readonly targets: readonly (Identifier | SystemVariable | NamedParameter)[];
  /** True when the targets stood in parentheses. */
  readonly tuple: boolean;
  readonly value: Expression;
}

export interface If extends NodeBase {
  readonly kind: "if";
  /** IF, then each ELSEIF. */
  readonly branches: readonly IfBranch[];
  readonly otherwise: readonly Statement[] | undefined;
}

export interface IfBranch extends NodeBase {
  readonly kind: "if-branch";
  readonly condition: Expression;
  readonly statements: readonly Statement[];
}

export interface CaseStatement extends NodeBase {
  readonly kind: "case-statement";
  readonly operand: Expression | undefined;
  /** The condition of a branch is the value to compare when there is an operand. */
  readonly branches: readonly IfBranch[];
  readonly otherwise: readonly Statement[] | undefined;
}

export interface Loop extends NodeBase {
  readonly kind: "loop";
  readonly label: Identifier | undefined;
  readonly statements: readonly Statement[];
}

export interface While extends NodeBase {
  readonly kind: "while";
  readonly label: Identifier | undefined;
  readonly condition: Expression;
  readonly statements: readonly Statement[];
}

export interface Repeat extends NodeBase {
  readonly kind: "repeat";
  readonly label: Identifier | undefined;
  readonly statements: readonly Statement[];
  readonly until: Expression;
}

export interface ForIn extends NodeBase {
  readonly kind: "for-in";
  readonly label: Identifier | undefined;
  readonly variable: Identifier;
  readonly query: Query;
  readonly statements: readonly Statement[];
}

/** BREAK or LEAVE */
export interface Break extends NodeBase {
  readonly kind: "break";
  readonly label: Identifier | undefined;
}

/** CONTINUE or ITERATE */
export interface Continue extends NodeBase {
  readonly kind: "continue";
  readonly label: Identifier | undefined;
}

/** BEGIN ... [EXCEPTION WHEN ERROR THEN ...] END */
export interface Block extends NodeBase {
  readonly kind: "block";
  readonly label: Identifier | undefined;
  readonly statements: readonly Statement[];
  /** Undefined: no handler. Empty: a handler that does nothing. */
  readonly handler: readonly Statement[] | undefined;
}

/** RAISE alone (within a handler) raises again what was caught. */
export interface Raise extends NodeBase {
  readonly kind: "raise";
  readonly message: Expression | undefined;
}

export interface Call extends NodeBase {
  readonly kind: "call";
  readonly procedure: ObjectName;
  readonly arguments: readonly Expression[];
}

export interface Return extends NodeBase {
  readonly kind: "return";
}

export interface ExecuteImmediate extends NodeBase {
  readonly kind: "execute-immediate";
  readonly sql: Expression;
  readonly into: readonly Identifier[];
  readonly using: readonly UsingArgument[];
}

export interface UsingArgument extends NodeBase {
  readonly kind: "using-argument";
  readonly value: Expression;
  readonly alias: Identifier | undefined;
}

export interface Transaction extends NodeBase {
  readonly kind: "transaction";
  readonly action: "begin" | "commit" | "rollback";
}

export interface Assert extends NodeBase {
  readonly kind: "assert";
  readonly condition: Expression;
  readonly description: string | undefined;
}

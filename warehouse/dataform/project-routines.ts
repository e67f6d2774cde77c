import {
  type CreateRoutine,
  GoogleSqlError,
  pathOf,
  readScript,
  type Source,
  type Statement,
} from "../../packages/googlesql/index.ts";
import type { Action } from "./graph.ts";

/** A function or procedure that an action of the project makes to last. */
export interface ProjectRoutine {
  /** `dataset.name` in lower case. */
  readonly key: string;
  readonly definition: CreateRoutine;
  readonly source: Source;
}

/** The routines that an action's statements make to last; none of a text that cannot be read. */
export function routinesOf(action: Action): readonly ProjectRoutine[] {
  const texts =
    action.kind === "operation" ? action.queries : "preOps" in action ? [...action.preOps, ...action.postOps] : [];
  return texts
    .filter((text) => mention.test(text))
    .flatMap((text) => {
      const source: Source = { text, file: action.file };
      return statementsOf(source).flatMap((definition) =>
        isRoutine(definition) && !definition.temporary
          ? [{ key: pathOf(definition.name).slice(-2).join(".").toLowerCase(), definition, source }]
          : [],
      );
    });
}

const mention = /\b(?:function|procedure)\b/i;

/** Whether an operation does nothing but make routines, which can be done anywhere and again. */
export const makesOnlyRoutines = (action: Action): boolean =>
  action.kind === "operation" &&
  action.queries.some((text) => mention.test(text)) &&
  action.queries.every((text) => statementsOf({ text, file: action.file }).every(isRoutine));

const isRoutine = (statement: Statement): statement is CreateRoutine =>
  statement.kind === "create-function" ||
  statement.kind === "create-table-function" ||
  statement.kind === "create-procedure";

function statementsOf(source: Source): readonly Statement[] {
  try {
    return readScript(source).statements;
  } catch (error) {
    if (!(error instanceof GoogleSqlError)) throw error;
    return [];
  }
}

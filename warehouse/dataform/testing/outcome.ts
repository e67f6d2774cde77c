import type { UserError } from "../../../errors/user-error.ts";
import type { Graph } from "../graph.ts";
import { placeInFile } from "../place-in-file.ts";

/** How one test ended. */
export interface TestOutcome {
  readonly kind: "dataform" | "rows" | "property";
  /** `<model>/<case>`, the name of a Dataform test, or `<model>: <property>`. */
  readonly name: string;
  readonly file: string;
  readonly passed: boolean;
  readonly ms: number;
  /** What was expected and what came, as lines to read. */
  readonly message?: string | undefined;
}

/** All tests of a run. */
export interface TestRun {
  readonly outcomes: readonly TestOutcome[];
  readonly passed: number;
  readonly failed: number;
  readonly ms: number;
}

/** A line with the place of an error in the file that was written, for the end of a message; "" where none is known. */
export function whereLine(error: UserError, texts: Graph["texts"]): string {
  const where = placeInFile(error, texts) ?? error.where;
  return where === undefined ? "" : `\nwhere: ${where}`;
}

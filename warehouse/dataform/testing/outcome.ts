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

/**
 * Where this build of the referee (the end of 2023) cannot be the judge. Everything listed is counted and printed by the suite;
 * the documentation's result tables (tests/warehouse) are the key for these instead.
 */
export interface KnownLimit {
  readonly what: string;
  readonly reason: string;
}

/** Functions on our list that the referee does not have, or has only for type checking. */
export const functionsWithoutReferee: Readonly<Record<string, string>> = {
  APPROX_COUNT_DISTINCT: "the reference evaluator has no approximate aggregates",
  APPROX_QUANTILES: "the reference evaluator has no approximate aggregates",
  APPROX_TOP_COUNT: "the reference evaluator has no approximate aggregates",
  APPROX_TOP_SUM: "the reference evaluator has no approximate aggregates",
  EDIT_DISTANCE: "younger than this build",
  COSINE_DISTANCE: "younger than this build",
  EUCLIDEAN_DISTANCE: "younger than this build",
};

/** Functions whose value is another one each time: only types and errors are compared. */
export const volatileFunctions: ReadonlySet<string> = new Set([
  "RAND",
  "ANY_VALUE",
  "GENERATE_UUID",
  "CURRENT_DATE",
  "CURRENT_TIME",
  "CURRENT_DATETIME",
  "CURRENT_TIMESTAMP",
  "SESSION_USER",
]);

/** Answers of the referee that are not answers: it stopped before it came to the statement. */
const notAnAnswer: readonly (readonly [RegExp, string])[] = [
  [
    /^Unsupported built-in function|^Unimplemented feature|^Unimplemented/i,
    "the reference evaluator does not carry it out",
  ],
  [/^Number of arguments does not match for function JSON_SET/, "create_if_missing is younger than this build"],
  [
    /^Cannot generate arrays with more than 16000 elements/,
    "a limit of the reference evaluator; BigQuery's is far higher",
  ],
  [/Unsupported aggregate function: Percentile_/, "as an aggregate, younger than this build"],
  [/^No matching signature for aggregate function BIT_\w+ for argument types: BYTES/, "younger than this build"],
  [
    /^JSONPath must be a string literal or query parameter|^Argument \d+ to JSON_\w+ must be a literal or query parameter/,
    "a constant expression as a JSONPath is younger than this build",
  ],
  [/^Function not found|^Table-valued function not found/, "younger than this build"],
];

/** Statements that would keep the referee busy for hours, and all that come after them waiting. */
export function keepsRefereeBusy(sql: string): boolean {
  if (/\bEXP\(/i.test(sql) && /\bnumeric\b/i.test(sql)) return true;
  // Its series for a logarithm does not come to an end for these two either.
  if (/\b(LN|LOG|LOG10)\(/i.test(sql) && /numeric '(2\.5|0\.000000001)'/i.test(sql)) return true;
  return /\b(POW|POWER|LN|LOG|LOG10)\(/i.test(sql) && /numeric '-?\d{12,}/i.test(sql);
}

/** Why the referee's error says nothing about the statement; undefined when it is a real one. */
export function excuseOf(message: string): string | undefined {
  return notAnAnswer.find(([pattern]) => pattern.test(message))?.[1];
}

import { GoogleSqlError, GoogleSqlEvaluationError, UnsupportedGoogleSql } from "../errors.ts";

const refusedKinds = /^(Binder|Catalog|Parser|Not implemented|Internal|Syntax|INTERNAL|Dependency) ?Error:?/i;
const evaluationKinds =
  /^(Out of Memory|Invalid Input|Conversion|Out of Range|Constraint|Mismatch Type|Invalid type|Decimal) ?Error:?/i;

/**
 * What a failure of DuckDB means for the GoogleSQL statement: a run-time error of the data is an evaluation error, and so is a
 * statement that outgrew the memory limit; a text that DuckDB cannot bind is something our translation does not serve. Anything else
 * (disk, interruption) is passed on.
 */
export function asGoogleSqlError(error: unknown): unknown {
  if (error instanceof GoogleSqlError) return error;
  if (error instanceof RangeError) return new GoogleSqlEvaluationError(error.message, error);
  if (!(error instanceof Error)) return error;
  const message = error.message;
  const raised = /'!!([\s\S]*)' to INT16/.exec(message)?.[1] ?? /!!([\s\S]*)$/.exec(message)?.[1];
  if (raised !== undefined && !refusedKinds.test(message)) {
    // Only the values show that this is not served: `refused.NAME: why`.
    const refusal = /^refused\.([\w.]+): ([\s\S]*)$/.exec(raised.trim());
    return refusal
      ? new UnsupportedGoogleSql(refusal[1]!, refusal[2]!, undefined, error)
      : new GoogleSqlEvaluationError(raised.trim(), error);
  }
  // DuckDB squares what GoogleSQL computes with care: whether the answer is out of range there too is not known.
  const spread = /\b(STDDEV|VAR|COVAR|CORR|REGR)\w*(?: for \w)? is out of range/i.exec(message)?.[1];
  if (spread !== undefined) {
    return new UnsupportedGoogleSql(spread.toUpperCase(), "values whose squares are out of range", undefined, error);
  }
  if (/More than one row returned by a subquery/.test(message))
    return new GoogleSqlEvaluationError("Scalar subquery produced more than one element", error);
  if (/Like pattern must not end with escape character/.test(message))
    return new GoogleSqlEvaluationError("LIKE pattern ends with a backslash which is not allowed", error);
  if (evaluationKinds.test(message)) {
    return new GoogleSqlEvaluationError(message.replace(evaluationKinds, "").split("\n\nLINE")[0]!.trim(), error);
  }
  if (/^TransactionContext Error/.test(message)) {
    return new GoogleSqlEvaluationError(message.split("\n")[0]!.replace(/^TransactionContext Error: /, ""), error);
  }
  if (/^Catalog Error: .* already exists!?$/.test(message.split("\n")[0]!)) {
    return new GoogleSqlEvaluationError(message.split("\n")[0]!.replace(/^Catalog Error: /, ""), error);
  }
  const missing = /^Catalog Error: Schema with name "?(.+?)"? does not exist!/.exec(message)?.[1];
  if (missing !== undefined) {
    const name = missing.replaceAll("`", "\\`");
    return new GoogleSqlEvaluationError(`Dataset not found: ${missing}`, error, `create schema \`${name}\``);
  }
  if (refusedKinds.test(message)) {
    return new UnsupportedGoogleSql("engine", message.split("\n")[0]!, undefined, error);
  }
  return error;
}

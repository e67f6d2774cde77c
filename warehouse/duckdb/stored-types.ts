/** What the file holds for a GoogleSQL type: what our own exports have, so that whoever reads one reads the other. */
export const storedAs: Readonly<Record<string, string>> = {
  STRING: "VARCHAR",
  INT64: "BIGINT",
  FLOAT64: "DOUBLE",
  BOOL: "BOOLEAN",
  TIMESTAMP: "TIMESTAMPTZ",
  DATETIME: "TIMESTAMP",
  DATE: "DATE",
  TIME: "TIME",
  NUMERIC: "DECIMAL(38, 9)",
  JSON: "JSON",
  BYTES: "BLOB",
};

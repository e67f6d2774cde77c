/** Columns by name, of equal length. A number that is not known is NaN, a category that is not known is "". */
export type FeatureColumns = Readonly<Record<string, Float64Array | readonly string[]>>;

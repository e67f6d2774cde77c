/** A text of a warehouse's row. */
export const text = (value: unknown): string | null => (value === null || value === undefined ? null : String(value));
/** A truth of a warehouse's row. */
export const flag = (value: unknown): boolean | null => (typeof value === "boolean" ? value : null);
/** An instant of a warehouse's row, in milliseconds since the epoch. */
export const millis = (value: unknown): number | null =>
  value === null || value === undefined ? null : Date.parse(String(value));

/** A value that an emitted text wants to name more than once. */
export interface Bindable {
  readonly sql: string;
  readonly isSimple?: boolean | undefined;
}

const plainEnough = /^[A-Za-z0-9_."':]{1,64}$/;

/** Whether a text is a mere name or constant, so that writing it twice costs nothing. */
export const isPlain = (sql: string): boolean => plainEnough.test(sql);

/**
 * Writes `body` over names for the values, each evaluated once per row: as they are when all are plain, else bound
 * through a one-element list (about 35 ns a row), which keeps nested texts from growing exponentially.
 */
export function letBind(
  values: readonly Bindable[],
  fresh: (prefix: string) => string,
  body: (names: readonly string[]) => string,
): string {
  if (values.every((value) => value.isSimple || isPlain(value.sql))) return body(values.map((value) => value.sql));
  const row = fresh("v");
  const kept = values.map((value) => value.isSimple || isPlain(value.sql));
  const fields = values.flatMap((value, i) => (kept[i] ? [] : [`'a${i}': ${value.sql}`]));
  const names = values.map((value, i) => (kept[i] ? value.sql : `${row}.a${i}`));
  return `list_transform([{${fields.join(", ")}}], lambda ${row}: ${body(names)})[1]`;
}

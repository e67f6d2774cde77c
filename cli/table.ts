export interface TableColumn {
  readonly title: string;
  readonly align?: "left" | "right" | undefined;
}

const isWide = (code: number): boolean =>
  (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xffdc) || (code >= 0x1f300 && code <= 0x1faff);

/** How many cells of a terminal a text fills. */
function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += isWide(character.codePointAt(0)!) ? 2 : 1;
  return width;
}

/** Text in columns for a terminal or a pipe: two spaces between, numbers to the right, no line art to get in the way of `cut`. */
export function renderTable(columns: readonly TableColumn[], rows: readonly (readonly string[])[]): string {
  const oneLine = rows.map((row) => row.map((cell) => cell.replace(/\s*\n\s*/g, " ")));
  const widths = columns.map((column, i) =>
    oneLine.reduce((widest, row) => Math.max(widest, widthOf(row[i] ?? "")), widthOf(column.title)),
  );
  const line = (cells: readonly string[]) =>
    columns
      .map((column, i) => {
        const cell = cells[i] ?? "";
        const padding = " ".repeat(widths[i]! - widthOf(cell));
        return column.align === "right" ? padding + cell : cell + padding;
      })
      .join("  ")
      .trimEnd();
  return [
    line(columns.map((column) => column.title)),
    line(widths.map((width) => "-".repeat(width))),
    ...oneLine.map(line),
  ].join("\n");
}

/** A value of a query's row as a person reads it; NULL stands out from text. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return "NULL";
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString("hex")}`;
  if (Array.isArray(value)) return `[${value.map(cellText).join(", ")}]`;
  if (typeof value === "object") {
    return `{${Object.entries(value)
      .map(([key, item]) => `${key}: ${cellText(item)}`)
      .join(", ")}}`;
  }
  return String(value);
}

/** Milliseconds as a person reads them. */
export const durationText = (ms: number): string =>
  ms < 1000
    ? `${Math.round(ms)} ms`
    : ms < 60_000
      ? `${(ms / 1000).toFixed(1)} s`
      : `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;

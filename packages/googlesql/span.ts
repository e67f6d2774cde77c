export interface Position {
  /** Counts from 1. */
  readonly line: number;
  /** Counts UTF-16 units from 1. */
  readonly column: number;
}

/** Line and column of an offset. A line ends at \n, \r or \r\n. */
export function positionAt(text: string, offset: number): Position {
  let line = 1;
  let lineStart = 0;
  const end = Math.min(offset, text.length);
  for (let i = 0; i < end; i++) {
    const c = text.charCodeAt(i);
    if (c === 10 || (c === 13 && text.charCodeAt(i + 1) !== 10)) {
      line++;
      lineStart = i + 1;
    }
  }
  return { line, column: end - lineStart + 1 };
}

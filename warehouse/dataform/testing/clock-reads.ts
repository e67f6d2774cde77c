/** Reads of the clock and of chance: with time given through vars none is left, and the same batch gives the same rows whenever it is built. */
const clockRead = /\b(current_timestamp|current_datetime|current_date|current_time|rand|generate_uuid)\b\s*(\(|\b)/i;

/** The first thing in a query that has another answer the next time, in lower case; comments are passed over. */
export const readsClock = (text: string): string | undefined =>
  clockRead.exec(text.replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, ""))?.[1]?.toLowerCase();

/** What to do about a test that fails while the clock runs; `file` is the vars.yaml. */
export const clockAdvice = (file: string): string =>
  `the clock was running: to hold it still, write \`now: 2026-03-10T00:00:00Z\` into ${file}`;

/** An RFC 5322 date to ISO 8601; undefined for what is none. */
export function isoOfMailDate(text: string | undefined): string | undefined {
  if (!text) return undefined;
  const milliseconds = Date.parse(text.replace(/\s*\([^)]*\)\s*$/, "").trim());
  return Number.isNaN(milliseconds) ? undefined : new Date(milliseconds).toISOString();
}

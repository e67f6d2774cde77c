/**
 * Epoch seconds, with or without a fraction, as number or text, to ISO 8601 with the fraction kept to the microsecond.
 * Undefined for what is not a number.
 */
export function isoOfSeconds(seconds: number | string | null | undefined): string | undefined {
  if (seconds === null || seconds === undefined || seconds === "") return undefined;
  const value = Number(seconds);
  if (!Number.isFinite(value) || Math.abs(value) > 253_402_300_799) return undefined;
  const whole = Math.floor(value);
  const microseconds = Math.round((value - whole) * 1_000_000);
  const date = new Date((whole + (microseconds === 1_000_000 ? 1 : 0)) * 1000).toISOString().slice(0, 19);
  const fraction = microseconds % 1_000_000;
  return fraction === 0 ? `${date}Z` : `${date}.${String(fraction).padStart(6, "0")}Z`;
}

/** `2020-10-09 00:00:00` in a provider's stated UTC to ISO 8601; text that already names a zone stays. */
export function isoOfText(text: string | null | undefined): string | undefined {
  if (!text) return undefined;
  const spaced = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d+)?)$/.exec(text.trim());
  return spaced ? `${spaced[1]}T${spaced[2]}Z` : text.trim();
}

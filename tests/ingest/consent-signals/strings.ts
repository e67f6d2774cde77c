/** A TC string, written from IAB Tech Lab's "Consent string and vendor list formats v2" and by nothing of what reads it. */
export interface Choice {
  readonly lastUpdated: Date;
  readonly created?: Date;
  readonly version?: number;
  readonly policyVersion?: number;
  readonly purposes?: readonly number[];
  readonly legitimateInterests?: readonly number[];
  readonly vendors?: readonly number[];
  readonly country?: string;
  readonly restrictions?: readonly { readonly purpose: number; readonly type: number; readonly vendor: number }[];
  /** Purposes of the publisher's own segment. */
  readonly publisher?: readonly number[];
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const bits = (value: number, width: number): string => value.toString(2).padStart(width, "0");
const letters = (text: string): string => [...text].map((one) => bits(one.charCodeAt(0) - 65, 6)).join("");
const set = (wanted: readonly number[], width: number): string =>
  Array.from({ length: width }, (_, i) => (wanted.includes(i + 1) ? "1" : "0")).join("");
const encoded = (text: string): string =>
  (text.padEnd(Math.ceil(text.length / 6) * 6, "0").match(/.{6}/g) ?? [])
    .map((six) => alphabet[Number.parseInt(six, 2)])
    .join("");
const deciseconds = (at: Date): string => bits(Math.round(at.getTime() / 100), 36);

export function tcString(choice: Choice): string {
  const { lastUpdated, created = lastUpdated, vendors = [], restrictions = [], publisher } = choice;
  const most = Math.max(0, ...vendors);
  const core = [
    bits(choice.version ?? 2, 6),
    deciseconds(created),
    deciseconds(lastUpdated),
    bits(31, 12),
    bits(1, 12),
    bits(1, 6),
    letters("EN"),
    bits(48, 12),
    bits(choice.policyVersion ?? 4, 6),
    "1",
    "0",
    set([], 12),
    set(choice.purposes ?? [], 24),
    set(choice.legitimateInterests ?? [], 24),
    "0",
    letters(choice.country ?? "DE"),
    bits(most, 16),
    "0",
    set(vendors, most),
    bits(0, 16),
    "0",
    bits(restrictions.length, 12),
    ...restrictions.map(
      ({ purpose, type, vendor }) => `${bits(purpose, 6)}${bits(type, 2)}${bits(1, 12)}0${bits(vendor, 16)}`,
    ),
  ].join("");
  if (publisher === undefined) return encoded(core);
  return `${encoded(core)}.${encoded(bits(3, 3) + set(publisher, 24) + set([], 24) + bits(0, 6))}`;
}

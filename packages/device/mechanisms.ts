/** A draw is a whole number below this: 16 random bits. */
export const draws = 65536;

/** What a report may cost, in epsilon. */
export type Epsilon = 0.5 | 1 | 2 | 3;

/** What was seen of a mail: neither it nor its summary, the summary alone, the summary opened up, the mail itself. */
export const readings = ["none", "summary", "expanded", "full"] as const;
export type Reading = (typeof readings)[number];

/** The seconds that a read time is rounded to; what is longer counts as the last. The gaps are powers of 2, so that rounding takes whole draws. */
export const secondsGrid = [0, 2, 4, 8, 16, 32, 64] as const;

export interface Mechanism {
  readonly answers: number;
  /** Of all draws, how many give each answer that is not the true one: the least with which the promise of epsilon holds. */
  readonly widths: Readonly<Record<Epsilon, number>>;
}

/** By their names, each of which stands for these very figures for ever: other figures are another name. */
export const mechanisms = {
  summary_reading_v1: { answers: 4, widths: { 0.5: 14098, 1: 11461, 2: 6309, 3: 2839 } },
  read_time_v1: { answers: 7, widths: { 0.5: 8569, 1: 7518, 2: 4895, 3: 2513 } },
} as const satisfies Readonly<Record<string, Mechanism>>;

export type MechanismName = keyof typeof mechanisms;

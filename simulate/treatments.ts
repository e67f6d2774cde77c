/**
 * What each subject and content variant really does to a reader, on the logit scale: the causal truth that experiments
 * and policies are scored against. `discount` works on those who look at prices; `urgency` wins opens and costs goodwill.
 */
export interface Variant {
  readonly variant: string;
  readonly open: number;
  readonly click: number;
  readonly conversion: number;
  /** Times the complaint and unsubscribe hazards. */
  readonly annoyance: number;
  /** Added to open and click per standard deviation of price sensitivity. */
  readonly priceSlope: number;
  /** Times revenue of a conversion. */
  readonly revenue: number;
}

export const variants: readonly Variant[] = [
  { variant: "plain", open: 0, click: 0, conversion: 0, annoyance: 1, priceSlope: 0, revenue: 1 },
  { variant: "discount", open: 0.12, click: 0.15, conversion: 0.2, annoyance: 1.1, priceSlope: 0.35, revenue: 0.86 },
  { variant: "urgency", open: 0.55, click: -0.15, conversion: -0.45, annoyance: 5, priceSlope: 0.05, revenue: 0.9 },
  { variant: "personal", open: 0.15, click: 0.25, conversion: 0.1, annoyance: 0.85, priceSlope: -0.15, revenue: 1.05 },
];

export const variantIndex = (name: string): number => variants.findIndex((v) => v.variant === name);

import type { OutcomeRecord } from "./model-record.ts";

/**
 * Whether an outcome's scores may move a policy: it was shown, on rows that nothing was fitted to, to tell people apart better than chance (the 95 %
 * interval of its AUC lies above 0.5). Where it was not, a policy counts with the base rate, the same for everybody and every variant.
 */
export const hasSay = ({ model, validation }: Pick<OutcomeRecord, "model" | "validation">): boolean =>
  model.kind !== "constant" && validation.auc_low !== null && validation.auc_low > 0.5;

/** An outcome's AUC for a person: a figure only where it was shown that the model knows something. */
export const aucInWords = (outcome: Pick<OutcomeRecord, "model" | "validation">): string =>
  hasSay(outcome) ? outcome.validation.auc!.toFixed(3) : "no say";

/** Where a version can stand. `deactivated` is final: it never decides for a customer again. */
export type Stage = "submitted" | "approved" | "shadow" | "canary" | "champion" | "retired" | "deactivated";

export type Verb = "approve" | "shadow" | "canary" | "check" | "promote" | "rollback";

/** The way of a version, as data: which verb leads from which stages, and what it takes besides. */
export const stages: Readonly<
  Record<Verb, { readonly from: readonly Stage[]; readonly to: Stage; readonly takes: readonly string[] }>
> = {
  approve: {
    from: ["submitted"],
    to: "approved",
    takes: ["somebody other than the submitter", "an evaluation that did not fail, or a stated reason"],
  },
  shadow: { from: ["approved"], to: "shadow", takes: [] },
  canary: { from: ["approved", "shadow"], to: "canary", takes: ["a champion to compare with", "no other canary"] },
  check: { from: ["canary"], to: "canary", takes: ["counts of both arms"] },
  // The first champion has nobody to be compared with: it may be promoted as approved.
  promote: {
    from: ["canary"],
    to: "champion",
    takes: ["a last check that passed; or, without a champion, an approval"],
  },
  rollback: { from: ["submitted", "approved", "shadow", "canary", "champion"], to: "deactivated", takes: ["a reason"] },
};

/** Who decides for customers, in words; null: the rules. */
export const whoDecides = (active: string | null): string =>
  active === null ? "the rules decide" : `${active} decides`;

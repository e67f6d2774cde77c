/** So many of so many: opens of delivered messages, inboxes of seeds. */
export interface Part {
  readonly of: number;
  readonly count: number;
}

/** One mailbox provider in one region: the champion before the canary, both arms during it, and the seed network. */
export interface PlacementCell {
  readonly isp: string;
  readonly region: string;
  readonly before: Part;
  readonly control: Part;
  readonly canary: Part;
  readonly seeds: { readonly before: Part; readonly now: Part } | null;
}

export interface Attribution {
  /** `isp`: both arms and the seeds fell together; `model`: the canary alone; `both`; `neither`: no change was shown. */
  readonly verdict: "isp" | "model" | "both" | "neither";
  /** Candidate now minus champion before, over all cells. */
  readonly change: number;
  /** Parts of that change, which add up to it. */
  readonly parts: { readonly isp: number; readonly model: number; readonly interaction: number };
  /** The parts' sizes as shares of their sum; 0 each where nothing changed. */
  readonly shares: { readonly isp: number; readonly model: number; readonly interaction: number };
  /** The model's part with an interval of 99 %. */
  readonly model: { readonly low: number; readonly high: number };
  /** Where the control and the seeds moved as well. */
  readonly troubled: readonly {
    readonly isp: string;
    readonly region: string;
    readonly control: number;
    readonly seeds: number | null;
  }[];
}

/** Quantile of the normal distribution for 99 % on both sides together. */
const z99 = 2.5758;

const rate = ({ of, count }: Part): number => (of > 0 ? count / of : 0);
const variance = (part: Part): number => {
  // Agresti and Coull: a proportion of 0 or 1 has an error too.
  const p = (part.count + 2) / (part.of + 4);
  return (p * (1 - p)) / (part.of + 4);
};
const moved = (from: Part, to: Part, z: number): boolean =>
  from.of > 0 && to.of > 0 && Math.abs(rate(to) - rate(from)) > z * Math.sqrt(variance(from) + variance(to));

/**
 * Was it the mailbox provider or the model? Difference in differences by mailbox provider and region (Card & Krueger 1994): what the
 * champion's arm went through since before is the provider's (or the season's); what the canary went through beyond it is the model's. The model's part
 * is its effect where no provider was in trouble; what it does otherwise where one was is the interaction.
 *
 * Preconditions: people are in the arms by chance, and a cell has mail of all three. Trouble in a cell is called when the control moved beyond 99 %, shared
 * out over the cells (Bonferroni), and the seeds did too in the same direction (without seeds a season looks the same, so no trouble is called): a verdict of trouble in a quiet world in at most 1 %.
 * Cells with fewer than 50 messages in an arm say nothing and are left out.
 */
export function attributeChange(all: readonly PlacementCell[]): Attribution {
  const cells = all.filter(({ before, control, canary }) => Math.min(before.of, control.of, canary.of) >= 50);
  const sends = cells.reduce((sum, { canary }) => sum + canary.of, 0);
  // A normal tail at about 1 % over k cells: ln k more in the exponent.
  const z = Math.sqrt(z99 ** 2 + 2 * Math.log(Math.max(1, cells.length)));
  const parts = cells.map((cell) => {
    const { before, control, canary, seeds } = cell;
    const isp = rate(control) - rate(before);
    const seedsMoved = seeds ? rate(seeds.now) - rate(seeds.before) : null;
    const agree =
      seeds !== null && moved(seeds.before, seeds.now, z99) && Math.sign(seedsMoved ?? 0) === Math.sign(isp);
    return {
      cell,
      weight: sends > 0 ? canary.of / sends : 0,
      isp,
      arm: rate(canary) - rate(control),
      armVariance: variance(canary) + variance(control),
      seedsMoved,
      isTroubled: moved(before, control, z) && agree,
    };
  });
  const quiet = parts.filter(({ isTroubled }) => !isTroubled);
  const base = quiet.length > 0 ? quiet : parts;
  const baseWeight = base.reduce((sum, { weight }) => sum + weight, 0);
  const over = (sum: (part: (typeof parts)[number]) => number, of = parts) =>
    of.reduce((total, p) => total + sum(p), 0);

  const model = baseWeight > 0 ? over((p) => p.weight * p.arm, base) / baseWeight : 0;
  const isp = over((p) => p.weight * p.isp);
  const interaction = over((p) => p.weight * (p.arm - model));
  const size = Math.abs(isp) + Math.abs(model) + Math.abs(interaction);
  const share = (part: number) => (size > 0 ? Math.abs(part) / size : 0);
  const spread = baseWeight > 0 ? (z99 * Math.sqrt(over((p) => p.weight ** 2 * p.armVariance, base))) / baseWeight : 0;
  const troubled = parts.filter(({ isTroubled }) => isTroubled);
  const isModel = cells.length > 0 && Math.abs(model) > spread;
  return {
    verdict: troubled.length > 0 ? (isModel ? "both" : "isp") : isModel ? "model" : "neither",
    change: isp + model + interaction,
    parts: { isp, model, interaction },
    shares: { isp: share(isp), model: share(model), interaction: share(interaction) },
    model: { low: model - spread, high: model + spread },
    troubled: troubled.map(({ cell, isp: control, seedsMoved }) => ({
      isp: cell.isp,
      region: cell.region,
      control,
      seeds: seedsMoved,
    })),
  };
}

import type { CyclePolicy } from "../../retrain/cycle/cycle-policy.ts";

/** A step of a turn is a command as a person would type it. */
export interface Step {
  readonly step: "build" | "check" | "snapshot" | "train" | "evaluate" | "submit";
  readonly words: readonly string[];
}

/** Before it is decided whether to train: tables up to date, the running canary looked at. */
export const watchingSteps = (canary: string | null, build: readonly string[]): readonly Step[] => [
  { step: "build", words: ["build", ...build] },
  ...(canary === null ? [] : [{ step: "check" as const, words: ["release", "check", canary] }]),
];

/** A version, from the rows to its submission. `name` is the version's and the snapshot's. It is never approved here. */
export function trainingSteps(
  policy: CyclePolicy,
  name: string,
  champion: string | null,
  build: readonly string[],
): readonly Step[] {
  const { sample_rows, validate_days, learn_days, people_share } = policy.snapshot;
  const { rows, high_precision, balance, soft, monotone, search, trainer } = policy.train;
  const given = (option: string, value: number | string | undefined): readonly string[] =>
    value === undefined ? [] : [option, String(value)];
  return [
    {
      step: "snapshot",
      words: [
        ...["snapshot", "create", "--name", name, ...build],
        ...(sample_rows === undefined ? [] : ["--sample", "stratified", String(sample_rows)]),
        ...given("--validate-days", validate_days),
        ...given("--learn-days", learn_days),
        ...given("--people-share", people_share),
      ],
    },
    {
      step: "train",
      words: [
        ...["train", "--snapshot", name, "--name", name],
        ...given("--rows", rows),
        ...given("--balance", balance),
        ...(soft ?? []).flatMap((one) => ["--soft", one]),
        ...(monotone ?? []).flatMap((one) => ["--monotone", one]),
        ...given("--search", search),
        ...given("--trainer", trainer),
        ...(high_precision === true ? ["--high-precision"] : []),
      ],
    },
    { step: "evaluate", words: ["evaluate", "--candidate", name, ...given("--champion", champion ?? undefined)] },
    { step: "submit", words: ["release", "submit", name, "--note", "by inboxloop cycle"] },
  ];
}

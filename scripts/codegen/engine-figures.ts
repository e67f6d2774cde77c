import verification from "../../packages/googlesql/verification.json" with { type: "json" };

const begin = "<!-- figures: npm run codegen -->";
const end = "<!-- /figures -->";

/** The engine's README with the figures of the referee's latest run between its two marks. */
export function withFigures(readme: string): string {
  const functions = Object.values(verification.functions);
  const sum = (outcome: keyof (typeof functions)[number]): string =>
    functions.reduce((all, one) => all + one[outcome], 0).toLocaleString("en-US");
  const lines = [
    `| generated calls of ${functions.length} functions | |`,
    "| --- | ---: |",
    `| the same value on both | ${sum("same")} |`,
    `| an error on both | ${sum("errors")} |`,
    `| refused by name here | ${sum("refused")} |`,
    `| not known to the reference, which is of 2023 | ${sum("unjudged")} |`,
    `| different | ${sum("different")} |`,
  ];
  const [before, after] = [readme.indexOf(begin), readme.indexOf(end)];
  if (before < 0 || after < before)
    throw new Error(`packages/googlesql/README.md has lost its marks ${begin} and ${end}`);
  return `${readme.slice(0, before)}${begin}\n\n${lines.join("\n")}\n\n${readme.slice(after)}`;
}

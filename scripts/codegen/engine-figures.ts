import { errorCodes } from "../../packages/googlesql/index.ts";
import verification from "../../packages/googlesql/verification.json" with { type: "json" };

/** The engine's README with the codes of its errors and the figures of the referee's latest run, each between its two marks. */
export function withFigures(readme: string): string {
  const functions = Object.values(verification.functions);
  const sum = (outcome: keyof (typeof functions)[number]): string =>
    functions.reduce((all, one) => all + one[outcome], 0).toLocaleString("en-US");
  const figures = [
    `| generated calls of ${functions.length} functions | |`,
    "| --- | ---: |",
    `| the same value on both | ${sum("same")} |`,
    `| an error on both | ${sum("errors")} |`,
    `| refused by name here | ${sum("refused")} |`,
    `| not known to the reference, which is of 2023 | ${sum("unjudged")} |`,
    `| different | ${sum("different")} |`,
  ];
  const codes = [
    "| code | what it says |",
    "| --- | --- |",
    ...Object.entries(errorCodes).map(([code, what]) => `| \`${code}\` | ${what} |`),
  ];
  return between("figures", figures, between("errors", codes, readme));
}

function between(mark: string, lines: readonly string[], text: string): string {
  const [begin, end] = [`<!-- ${mark}: npm run codegen -->`, `<!-- /${mark} -->`];
  const [before, after] = [text.indexOf(begin), text.indexOf(end)];
  if (before < 0 || after < before)
    throw new Error(`packages/googlesql/README.md has lost its marks ${begin} and ${end}`);
  return `${text.slice(0, before)}${begin}\n\n${lines.join("\n")}\n\n${text.slice(after)}`;
}

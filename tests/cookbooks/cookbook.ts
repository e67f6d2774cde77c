import { readFileSync } from "node:fs";

/** The shell commands of a cookbook page, in order: every ```sh block, a command a line, quoted or continued lines kept together. */
export function commandsOf(page: string): readonly (readonly string[])[] {
  const text = readFileSync(page, "utf8");
  const blocks = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1] ?? "");
  return blocks.flatMap((block) => splitCommands(block).map(splitWords));
}

/** Splits at line ends that stand outside of quotes and do not follow a backslash. */
function splitCommands(block: string): string[] {
  const commands: string[] = [];
  let current = "";
  let isQuoted = false;
  for (let index = 0; index < block.length; index++) {
    const character = block[index] as string;
    if (character === "\\" && block[index + 1] === "\n" && !isQuoted) {
      index++;
      current += " ";
    } else if (character === "\n" && !isQuoted) {
      if (current.trim()) commands.push(current);
      current = "";
    } else {
      if (character === '"' && block[index - 1] !== "\\") isQuoted = !isQuoted;
      current += character;
    }
  }
  return current.trim() ? [...commands, current] : commands;
}

/** Words as sh splits them, for the two things that cookbooks use: double quotes and `\$` in them. */
const splitWords = (command: string): string[] =>
  [...command.matchAll(/"((?:\\.|[^"\\])*)"|'([^']*)'|(\S+)/g)].map((match) =>
    (match[1] ?? match[2] ?? match[3] ?? "").replace(/\\([$"\\])/g, "$1"),
  );

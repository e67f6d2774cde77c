import type { Command } from "commander";

/** docs/reference/commands.md: the help of every command, as it is printed. */
export function commandReference(program: Command): string {
  const parts: string[] = [];
  const visit = (command: Command, path: readonly string[]): void => {
    command.configureHelp({ helpWidth: 110 });
    const help = command.helpInformation().trimEnd();
    parts.push(`## ${path.join(" ")}\n\n\`\`\`text\n${help}\n\`\`\`\n`);
    for (const inner of command.commands) visit(inner, [...path, inner.name()]);
  };
  visit(program, ["inboxloop"]);
  return `# Commands\n\nGenerated from the command line's own help by \`npm run codegen\`.\n\nExit codes: 0 fine, 1 our bug, 2 usage, 3 configuration, 4 a check said no, 5 remote trouble, 130 interrupted, 141 pipe closed.\n\n${parts.join("\n")}`;
}

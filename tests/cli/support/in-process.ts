import { vi } from "vitest";
import { createProgram } from "../../../cli/program.ts";

/** Runs a command line in this process, as if it were started in `cwd`; gives what it printed on stdout. */
export async function runIn(cwd: string, words: readonly string[]): Promise<string> {
  let text = "";
  const spies = [
    vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
      text += String(chunk);
      return true;
    }),
    vi.spyOn(process.stderr, "write").mockImplementation(() => true),
    vi.spyOn(process, "cwd").mockReturnValue(cwd),
  ];
  try {
    await createProgram(new AbortController().signal).parseAsync([...words], { from: "user" });
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return text;
}

import { InvalidArgumentError } from "commander";

/** Collects `--waive <name>=<why>`; `pattern` is what a name looks like, `example` is shown for one that does not. */
export const addWaiver =
  (pattern: RegExp, example: string) =>
  (text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> => {
    const at = text.indexOf("=");
    const [name, why] = [text.slice(0, at), text.slice(at + 1).trim()];
    if (at < 0 || !pattern.test(name) || why === "") throw new InvalidArgumentError(`it looks like ${example}`);
    return { ...before, [name]: why };
  };

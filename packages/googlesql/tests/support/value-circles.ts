import { dirname, resolve } from "node:path";

/** What a file imports of others of this tree at run time, paths resolved: `import type` and braces full of types are left out. */
function valueImports(file: string, text: string): readonly string[] {
  return [...text.matchAll(/^(?:import|export)\s+(type\s+)?([^"';]*?)\s*from\s+"(\.[^"]+)"/gm)].flatMap(
    ([, isType, names = "", target = ""]) => {
      const inBraces = /^\{([\s\S]*)\}$/.exec(names.trim())?.[1];
      const isOfTypes = inBraces?.split(",").every((name) => /^\s*(type\s|$)/.test(name)) ?? false;
      return isType || isOfTypes ? [] : [resolve(dirname(file), target)];
    },
  );
}

/**
 * Files that need one another's values in a circle, each circle as a sorted list: the strongly connected components of more than one
 * file (Tarjan, "Depth-first search and linear graph algorithms", 1972).
 */
export function valueCircles(texts: ReadonlyMap<string, string>): readonly (readonly string[])[] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const circles: string[][] = [];
  const visit = (file: string): void => {
    order.set(file, order.size);
    lowest.set(file, order.size - 1);
    open.push(file);
    for (const next of valueImports(file, texts.get(file) ?? "")) {
      if (!texts.has(next)) continue;
      if (!order.has(next)) visit(next);
      if (open.includes(next)) lowest.set(file, Math.min(lowest.get(file)!, lowest.get(next)!));
    }
    if (lowest.get(file) !== order.get(file)) return;
    const circle = open.splice(open.indexOf(file));
    if (circle.length > 1) circles.push(circle.sort());
  };
  for (const file of texts.keys()) if (!order.has(file)) visit(file);
  return circles;
}

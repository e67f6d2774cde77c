import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

const home = resolve(import.meta.dirname, "..");

interface Manifest {
  readonly version: string;
  readonly engines: unknown;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}
const manifest = (dir: string) => JSON.parse(readFileSync(join(dir, "package.json"), "utf8")) as Manifest;

function sources(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    if (["tests", "referee", "node_modules"].includes(entry.name)) return [];
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return sources(path);
    return entry.name.endsWith(".ts") ? [path] : [];
  });
}

test("when the README's lines are run then they print what it says", async () => {
  const readme = readFileSync(join(home, "README.md"), "utf8");
  const [, lines = ""] = /```js\n(.*?)```/s.exec(readme) ?? [];
  const [, printed] = /prints `([^`]+)`/.exec(readme) ?? [];
  const seen: string[] = [];
  const { inspect } = await import("node:util");
  const { openLocalWarehouse } = await import("@inboxloop/googlesql");
  const run = Object.getPrototypeOf(async () => {}).constructor as new (
    ...text: string[]
  ) => (...given: unknown[]) => Promise<void>;
  const body = lines.replace(/^import .*$/m, "");
  expect(body.trim().split("\n")).toHaveLength(5);
  await new run("openLocalWarehouse", "console", body)(openLocalWarehouse, {
    log: (value: unknown) => seen.push(inspect(value, { depth: 9 })),
  });
  expect(seen).toEqual([printed]);
});

test("when the product has a version then the engine has the same, and the same versions under it", () => {
  const [product, engine] = [manifest(resolve(home, "../..")), manifest(home)];
  expect(engine.version).toBe(product.version);
  expect(engine.engines).toEqual(product.engines);
  expect(product.dependencies).toMatchObject(engine.dependencies);
  expect(product.devDependencies).toMatchObject(engine.devDependencies);
});

test("when a file of the engine, its tests or its referee imports a file then it is one of the engine's own", () => {
  const files = readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|js|json)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !file.includes("/node_modules/"));
  expect(files.length).toBeGreaterThan(200);
  const strangers = files.flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/(?:from|import\(|import|require\()\s*["'](\.[^"'\n]+)["']/g)]
      .map(([, target = ""]) => relative(home, resolve(dirname(file), target)))
      .filter((target) => target.startsWith(".."))
      .map((target) => `${relative(home, file)} -> ${target}`),
  );
  expect(strangers).toEqual([]);
});

test("when the engine imports a package then its own package.json lists it, and no other", () => {
  const imported = new Set<string>();
  for (const file of sources(home)) {
    for (const [, name = ""] of readFileSync(file, "utf8").matchAll(
      /(?:^(?:import|export|\}) .*from |import\()"([^."][^"\n]*)"/gm,
    )) {
      const parts = name.split("/");
      if (!name.startsWith("node:") && !builtinModules.includes(name))
        imported.add(parts.slice(0, name.startsWith("@") ? 2 : 1).join("/"));
    }
  }
  const { dependencies, devDependencies } = manifest(home);
  expect([...imported].sort()).toEqual([...Object.keys(dependencies), ...Object.keys(devDependencies)].sort());
});

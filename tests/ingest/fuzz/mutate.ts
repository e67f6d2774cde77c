/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export type Random = () => number;

export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)]!;

/** Values that break assumptions: of type, of size, of text. */
const oddValues: readonly unknown[] = [
  null,
  true,
  "",
  0,
  -1,
  1e308,
  2 ** 53,
  "NaN",
  [],
  {},
  [[[[]]]],
  "\ud800",
  "\0",
  "\u202e",
  "reader@example.org",
  "x".repeat(3000),
  "9999-12-31T23:59:59Z",
  "1769853600",
  1769853600,
  "-000001-01-01",
  "__proto__",
  { toString: "x", constructor: null },
];

/** One to three changes: to the structure where the bytes are JSON, to lines where they have lines, or to the bytes. */
export function mutate(bytes: Buffer, donor: Buffer, random: Random): Buffer {
  let mutated = bytes;
  const times = random() < 0.6 ? 1 : 2 + Math.floor(random() * 2);
  for (let n = 0; n < times; n++) {
    const way = random();
    const hasLines = mutated.includes(10);
    if (way < 0.8)
      mutated = mutateJson(mutated, random) ?? (hasLines ? mutateLines(mutated, random) : mutateBytes(mutated, random));
    else if (way < 0.84) mutated = splice(mutated, donor, random);
    else mutated = mutateBytes(mutated, random);
  }
  return mutated;
}

function mutateJson(bytes: Buffer, random: Random): Buffer | undefined {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
  const places: { readonly holder: Record<string, unknown>; readonly key: string }[] = [];
  const walk = (at: unknown): void => {
    if (at === null || typeof at !== "object") return;
    for (const key of Object.keys(at)) {
      places.push({ holder: at as Record<string, unknown>, key });
      walk((at as Record<string, unknown>)[key]);
    }
  };
  walk(value);
  if (places.length === 0) return Buffer.from(JSON.stringify(pick(random, oddValues)) ?? "null");
  const { holder, key } = pick(random, places);
  const way = random();
  if (way < 0.2) delete holder[key];
  else if (way < 0.6) holder[key] = structuredClone(pick(random, oddValues));
  else if (way < 0.75) holder[key] = structuredClone(pick(random, places).holder);
  else if (way < 0.9) {
    const other = pick(random, places);
    holder[key] = structuredClone(other.holder[other.key]);
  } else {
    let nested: unknown = holder[key];
    for (let depth = Math.floor(random() * 60); depth > 0; depth--) nested = random() < 0.5 ? [nested] : { a: nested };
    holder[key] = nested;
  }
  const text = JSON.stringify(value);
  return text.length > 200_000 ? bytes : Buffer.from(text);
}

function mutateLines(bytes: Buffer, random: Random): Buffer {
  const lines = bytes.toString("latin1").split("\n");
  const at = Math.floor(random() * lines.length);
  const way = random();
  if (way < 0.3) lines.splice(at, 1);
  else if (way < 0.5) lines.splice(at, 0, lines[Math.floor(random() * lines.length)]!);
  else if (way < 0.7)
    lines[at] = lines[at]!.replace(/[^:<>]+/, `${JSON.stringify(pick(random, oddValues))}`.slice(0, 3000));
  else if (way < 0.85) lines.splice(at, 0, "--b", 'Content-Type: multipart/mixed; boundary="b"', "");
  else lines[at] = lines[at]!.repeat(1 + Math.floor(random() * 50));
  return Buffer.from(lines.join("\n").slice(0, 200_000), "latin1");
}

function splice(bytes: Buffer, donor: Buffer, random: Random): Buffer {
  const cut = Math.floor(random() * (bytes.length + 1));
  const from = Math.floor(random() * (donor.length + 1));
  return Buffer.concat([bytes.subarray(0, cut), donor.subarray(from)]).subarray(0, 200_000);
}

function mutateBytes(bytes: Buffer, random: Random): Buffer {
  if (bytes.length === 0) return Buffer.from([Math.floor(random() * 256)]);
  const copy = Buffer.from(bytes);
  const way = random();
  if (way < 0.3) return copy.subarray(0, Math.floor(random() * copy.length));
  for (let times = 1 + Math.floor(random() * 8); times > 0; times--) {
    copy[Math.floor(random() * copy.length)] =
      way < 0.6 ? Math.floor(random() * 256) : pick(random, [0, 10, 13, 34, 60, 62, 91, 123, 125, 255]);
  }
  return copy;
}

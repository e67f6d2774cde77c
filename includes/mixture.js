// A mixture of kinds fitted over patterns of evidence. `fit` is one self-contained function: models give its text to `create function ...
// language js`, tests and tools call it as it stands, so both run the same code.

/**
 * Expectation-maximisation for a latent class model with known sides: every kind is a person's or a machine's, within a kind the pieces of
 * evidence are independent, what makes the kind (`firm`) stays as written, and what else is written in `start` counts as `strength` signals seen before (Dirichlet prior, maximum a
 * posteriori; Dawid & Skene 1979 with kinds in place of raters' classes, McLachlan & Peel 2000, ch. 5).
 *
 * @param {{ start: object, strength: number, rounds: number, most: number, patterns: { pattern: string, n: number }[] }} input a pattern holds the
 *   answers joined by `|`, `-` where there is none
 * @returns {{ pattern: string, p: number, kind: string, reasons: string[] }[]} p: probability that a person made it. Reasons are the answers
 *   that moved the odds by a factor of two or more, strongest first, as `name:answer+` (for a person) or `name:answer-`
 */
function fit(input) {
  const { start, strength, rounds, most, patterns } = input;
  // looked up once: in a function's own context a global is found slowly
  const { exp, log: ln, abs, LN2 } = Math;
  const pieces = start.evidence;
  const kinds = start.kinds;
  const K = kinds.length;
  const E = pieces.length;
  const offsets = [];
  let width = 0;
  for (const piece of pieces) {
    offsets.push(width);
    width += piece.bins.length;
  }
  const cells = patterns.map(({ pattern }) =>
    pattern.split("|").map((answer, e) => {
      const at = pieces[e].bins.indexOf(answer);
      return at < 0 ? -1 : offsets[e] + at;
    }),
  );
  // Learned from at most `most` patterns: the commonest half of them as they are, the rest drawn systematically by their size.
  const order = patterns.map((_, i) => i).sort((a, b) => patterns[b].n - patterns[a].n || a - b);
  const learned = order
    .slice(0, order.length <= most ? most : most / 2)
    .map((i) => ({ cell: cells[i], n: patterns[i].n }));
  if (order.length > most) {
    const rest = order.slice(most / 2).sort((a, b) => a - b);
    const step = rest.reduce((sum, i) => sum + patterns[i].n, 0) / (most / 2);
    let passed = 0;
    let next = step / 2;
    for (const i of rest) {
      passed += patterns[i].n;
      let times = 0;
      for (; next < passed; next += step) times++;
      if (times > 0) learned.push({ cell: cells[i], n: times * step });
    }
  }
  const prior = kinds.map((kind) => [].concat(...kind.tables));
  const shares = kinds.map((kind) => kind.share);
  const firm = kinds.map((kind) => pieces.map(({ name }) => (kind.firm || []).indexOf(name) >= 0));
  const total = patterns.reduce((sum, { n }) => sum + n, 0);
  const logs = prior.map((table) => table.map((p) => ln(p)));
  let weights = shares.map((share) => ln(share));
  const post = new Float64Array(K);

  const expect = (cell) => {
    let highest = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < K; k++) {
      let sum = weights[k];
      const log = logs[k];
      for (let e = 0; e < E; e++) if (cell[e] >= 0) sum += log[cell[e]];
      post[k] = sum;
      if (sum > highest) highest = sum;
    }
    let all = 0;
    for (let k = 0; k < K; k++) {
      post[k] = exp(post[k] - highest);
      all += post[k];
    }
    for (let k = 0; k < K; k++) post[k] /= all;
    return highest + ln(all);
  };

  let before = Number.NEGATIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const counts = prior.map((table) => table.map((p) => p * strength));
    const mass = shares.map((share) => share * strength);
    let likelihood = 0;
    for (let i = 0; i < learned.length; i++) {
      const { cell, n } = learned[i];
      likelihood += n * expect(cell);
      for (let k = 0; k < K; k++) {
        const part = n * post[k];
        if (part < 1e-9) continue;
        mass[k] += part;
        const count = counts[k];
        for (let e = 0; e < E; e++) if (cell[e] >= 0) count[cell[e]] += part;
      }
    }
    for (let k = 0; k < K; k++) {
      for (let e = 0; e < E; e++) {
        if (firm[k][e]) continue;
        const from = offsets[e];
        const to = from + pieces[e].bins.length;
        let sum = 0;
        for (let at = from; at < to; at++) sum += counts[k][at];
        for (let at = from; at < to; at++) logs[k][at] = ln(counts[k][at] / sum);
      }
    }
    const allMass = total + strength * shares.reduce((sum, share) => sum + share, 0);
    weights = mass.map((part) => ln(part / allMass));
    if (likelihood - before < 5e-4 * total) break;
    before = likelihood;
  }

  // a piece's word on its own: its share among the kinds of persons against that among the kinds of machines
  const side = (isHuman, at) => {
    let sum = 0;
    let all = 0;
    for (let k = 0; k < K; k++) {
      if (kinds[k].isHuman !== isHuman) continue;
      const weight = exp(weights[k]);
      sum += weight * exp(logs[k][at]);
      all += weight;
    }
    return sum / all;
  };
  const words = [];
  for (let at = 0; at < width; at++) words.push(ln(side(true, at) / side(false, at)));

  return patterns.map(({ pattern }, i) => {
    expect(cells[i]);
    let p = 0;
    let best = 0;
    for (let k = 0; k < K; k++) {
      if (kinds[k].isHuman) p += post[k];
      if (post[k] > post[best]) best = k;
    }
    const reasons = cells[i]
      .map((at, e) => ({ at, e }))
      .filter(({ at }) => at >= 0 && abs(words[at]) >= LN2)
      .sort((a, b) => abs(words[b.at]) - abs(words[a.at]) || a.e - b.e)
      .map(({ at, e }) => `${pieces[e].name}:${pieces[e].bins[at - offsets[e]]}${words[at] > 0 ? "+" : "-"}`);
    // a sum of shares may be a rounding above one
    return { pattern, p: p > 1 ? 1 : p, kind: kinds[best].name, reasons };
  });
}

/**
 * The text of a `language js` function body that takes JSON text `input` and gives JSON text.
 *
 * @returns {string}
 */
const body = () => `${fit.toString()}\nreturn JSON.stringify(fit(JSON.parse(input)));`;

module.exports = { fit, body };

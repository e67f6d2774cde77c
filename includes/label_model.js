// A label model over patterns of votes. `fit` is one self-contained function: models give its text to `create function ... language js`,
// tests and tools call it as it stands, so both run the same code.

/**
 * A two-class latent class model (Dawid & Skene 1979) over groups of voters, weak votes being answers of their own and silence none: an
 * abstention leaves the odds as they are, so a message without a vote has the share of its question. A voter is judged where at least two
 * other groups vote too, or a person has said what is right; what is declared counts as `strength` messages.
 *
 * Voters that depend on each other form a group, whose joint answer is one piece of evidence, so that a copy adds nothing. Of conditionally
 * independent voters the covariances are of rank one, cov(i, j) = d_i d_j; d is the median over triplets |c_ij c_ik / c_jk|^(1/2) (Fu et al.
 * 2020, FlyingSquid), and a pair whose covariance lies off by more than `dependence` of its standard deviations is dependent (Varma et al.
 * 2019). With fewer than three groups, or where three meet on less than a tenth of the messages, nothing is identifiable: then the share and
 * the confidences stand as declared, moved by people's labels alone.
 *
 * Precondition: votes are better than chance on the whole, as `confidence` says; a voter that lies against all others is found (accuracy
 * below one half), a majority that lies is not.
 *
 * @param {{ start: { share: number, voters: { name: string, confidence: number }[] }, strength: number, personWeight: number, rounds: number,
 *   most: number, patterns: { pattern: string, n: number, yes?: number, no?: number, weeks?: Record<string, number> }[] }} input a pattern
 *   holds votes joined by `|`; `yes` and `no` count people's labels on messages of it, `weeks` its messages by week
 * @returns {{ share: number, groups: string[][], isFitted: boolean,
 *   patterns: { pattern: string, p: number, why: string[] }[],
 *   voters: { name: string, group: number, votes: number, overlaps: number, conflicts: number, accuracy: number | null, low: number | null,
 *     high: number | null, measured: number | null, measuredOn: number, recent: number | null, weight: number }[] }}
 *   p: probability that the answer is yes. `why` are the groups' words, `name:vote+1.8`, natural log of the likelihood ratio, strongest first.
 *   accuracy with its 95 % interval: binomial, widened by the information that is missing where the label is not known (Louis 1982)
 */
function fit(input) {
  const { start, strength, personWeight, rounds, most, patterns } = input;
  const { exp, log, abs, sqrt, max, min } = Math;
  const voters = start.voters;
  const V = voters.length;
  const dependence = 0.12;
  /** Rounds over all patterns after those over what was drawn of them. */
  const lastRounds = 4;
  const values = { for: 1, weak_for: 0.5, weak_against: -0.5, against: -1 };
  const value = (vote) => values[vote] || 0;
  const chance = (x) => 1 / (1 + exp(-x));
  const logit = (p) => log(p / (1 - p));
  const split = patterns.map(({ pattern }) => pattern.split("|"));
  // numbers are made once: an interpreter runs this over tens of thousands of patterns
  const worth = split.map((votes) => votes.map(value));
  const total = patterns.reduce((sum, { n }) => sum + n, 0);

  // learned from at most `most` patterns: the commonest half as they are, the rest drawn systematically by their size
  const all = patterns.map(({ n }, i) => ({ i, n }));
  const order = patterns.map((_, i) => i).sort((a, b) => patterns[b].n - patterns[a].n || a - b);
  const learned = order.slice(0, order.length <= most ? most : most / 2).map((i) => ({ i, n: patterns[i].n }));
  if (order.length > most) {
    const rest = order.slice(most / 2).sort((a, b) => a - b);
    const step = rest.reduce((sum, i) => sum + patterns[i].n, 0) / (most / 2);
    let passed = 0;
    let next = step / 2;
    for (const i of rest) {
      passed += patterns[i].n;
      let times = 0;
      for (; next < passed; next += step) times++;
      if (times > 0 || patterns[i].yes || patterns[i].no) learned.push({ i, n: times * step });
    }
  }

  const groups = groupVoters();
  const G = groups.length;

  // each group's joint answers, numbered
  const symbols = groups.map(() => new Map());
  const answers = groups.map(() => []);
  const code = split.map((votes) =>
    groups.map((members, g) => {
      const text = members.length === 1 ? votes[members[0]] : members.map((v) => votes[v]).join("|");
      const known = symbols[g].get(text);
      if (known !== undefined) return known;
      const voted = members.filter((v) => votes[v] !== "-");
      answers[g].push({ speaks: voted.length > 0, said: voted.map((v) => `${voters[v].name}:${votes[v]}`).join("&") });
      symbols[g].set(text, symbols[g].size);
      return symbols[g].size - 1;
    }),
  );

  // silence is no evidence: a group in which nobody votes adds nothing to the odds
  const speakers = code.map((row) => {
    let count = 0;
    for (let g = 0; g < G; g++) if (answers[g][row[g]].speaks) count++;
    return count;
  });
  const spoken = patterns.reduce((sum, { n }, i) => sum + (speakers[i] > 0 ? n : 0), 0);
  const isCovered = spoken >= 0.5 * total;

  // votes say who is right only where three independent groups meet; where that is rare the fit would follow chance
  const met = patterns.reduce((sum, { n }, i) => sum + (speakers[i] >= 3 ? n : 0), 0);
  const isFitted = G >= 3 && total > 0 && met >= 0.1 * total;
  const isTold = patterns.some(({ yes, no }) => (yes || 0) + (no || 0) > 0);

  // where it starts: what is declared, turned into answers by how often each was given
  const share = start.share;
  const rate = symbols.map((map) => new Array(map.size).fill(0));
  patterns.forEach(({ n }, i) => {
    for (let g = 0; g < G; g++) rate[g][code[i][g]] += n / max(total, 1);
  });
  const declared = [0, 1].map((side) => symbols.map((map, g) => declare(map, groups[g], rate[g], side)));
  let table = declared;
  let balance = share;

  const odds = (i, without) => {
    let sum = logit(balance);
    for (let g = 0; g < G; g++) if (g !== without) sum += words[g][code[i][g]];
    return sum;
  };
  const weightOf = groups.map(() => 1);
  /** What each answer of each group adds to the odds; silence nothing. */
  const weighed = () =>
    groups.map((_, g) =>
      table[1][g].map((p, at) => (answers[g][at].speaks ? weightOf[g] * log(p / table[0][g][at]) : 0)),
    );
  let words = weighed();

  if (isFitted || isTold) {
    // what was drawn settles it nearly; a few rounds over all patterns take the chance of the drawing out
    settle(learned, rounds);
    if (order.length > most) settle(all, lastRounds);
  }

  // a voice that is less often right of late than before is worth less: weight is the excess over chance that it has kept
  const sides = worth.map((votes) => {
    let yes = 0;
    let no = 0;
    for (let v = 0; v < V; v++)
      if (votes[v] > 0) yes++;
      else if (votes[v] < 0) no++;
    return { for: yes, against: no };
  });
  const chances = patterns.map((_, i) => chance(odds(i, -1)));
  const report = voters.map((voter, v) => measure(voter, v));
  report.forEach((one, v) => {
    const g = groups.findIndex((members) => members.indexOf(v) >= 0);
    weightOf[g] = min(weightOf[g], one.weight);
  });
  words = weighed();
  const told = words.map((row, g) =>
    row.map((weight, at) => ({ weight, text: inWords(answers[g][at].said, weight), isTold: abs(weight) >= 0.05 })),
  );

  return {
    share: balance,
    isFitted,
    groups: groups.map((members) => members.map((v) => voters[v].name)),
    voters: report,
    patterns: patterns.map(({ pattern }, i) => ({ pattern, p: chance(odds(i, -1)), why: explain(i) })),
  };

  function settle(seen, times) {
    let before = Number.NaN;
    for (let round = 0; round < times; round++) {
      const counts = [0, 1].map((side) => declared[side].map((row) => row.map((p) => p * strength)));
      let yes = share * strength;
      let sum = strength;
      for (const { i, n } of seen) {
        const p = chance(odds(i, -1));
        const said = personWeight * ((patterns[i].yes || 0) + (patterns[i].no || 0));
        const one = n * p + personWeight * (patterns[i].yes || 0);
        const rest = n + said - one;
        yes += one;
        sum += n + said;
        // what a voter says with fewer than two others to hold it against proves nothing about the voter, unless a person said what is right
        const isHeld = isFitted && speakers[i] >= 3;
        const forIt = isHeld ? one : personWeight * (patterns[i].yes || 0);
        const against = isHeld ? rest : personWeight * (patterns[i].no || 0);
        for (let g = 0; g < G; g++) {
          counts[1][g][code[i][g]] += forIt;
          counts[0][g][code[i][g]] += against;
        }
      }
      table = counts.map((side) =>
        side.map((row) => {
          const whole = row.reduce((a, b) => a + b, 0);
          return row.map((count) => count / whole);
        }),
      );
      // where most messages have no vote, those that have one are no sample of all: the share stands as declared
      if (isFitted && isCovered) balance = yes / sum;
      words = weighed();
      if (abs(balance - before) < 1e-7) break;
      before = balance;
    }
  }

  function inWords(text, weight) {
    return `${text}${weight < 0 ? "" : "+"}${weight.toFixed(2)}`;
  }

  function explain(i) {
    const heard = [{ weight: logit(balance), text: inWords("share", logit(balance)) }];
    for (let g = 0; g < G; g++) {
      const word = told[g][code[i][g]];
      if (word.isTold) heard.push(word);
    }
    heard.sort((a, b) => abs(b.weight) - abs(a.weight));
    return heard.map(({ text }) => text);
  }

  function declare(map, members, rates, side) {
    const row = [];
    map.forEach((at, text) => {
      const votes = text.split("|");
      let sum = 0;
      let voted = 0;
      members.forEach((v, m) => {
        if (votes[m] === "-") return;
        voted++;
        // alone, a firm vote for what is rare makes the odds that its voter is right; one for what is common anyhow, no less than those
        const lean = value(votes[m]) > 0 ? max(0, -logit(share)) : max(0, logit(share));
        sum += value(votes[m]) * (logit(voters[v].confidence) + lean);
      });
      // not counted twice: a group speaks as loud as its members on the average
      // the ratio is the declared one; the rest is how often the answer is given
      const ratio = exp(voted === 0 ? 0 : sum / voted);
      const base = max(rates[at], 1e-6) / (share * ratio + 1 - share);
      row[at] = voted === 0 ? Number.NaN : side === 1 ? base * ratio : base;
    });
    const silent = row.findIndex((p) => Number.isNaN(p));
    const given = row.reduce((a, p) => a + (Number.isNaN(p) ? 0 : p), 0);
    if (silent >= 0) row[silent] = max(0.02, 1 - given);
    return row;
  }

  function groupVoters() {
    const mean = new Array(V).fill(0);
    const weight = learned.reduce((sum, { n }) => sum + n, 0) || 1;
    for (const { i, n } of learned) for (let v = 0; v < V; v++) mean[v] += (n * worth[i][v]) / weight;
    const c = voters.map(() => new Array(V).fill(0));
    for (const { i, n } of learned)
      for (let a = 0; a < V; a++) {
        const x = ((worth[i][a] - mean[a]) * n) / weight;
        for (let b = a; b < V; b++) c[a][b] += x * (worth[i][b] - mean[b]);
      }
    const sd = c.map((row, v) => sqrt(row[v]));
    const cov = (a, b) => (a < b ? c[a][b] : c[b][a]);
    const of = voters.map((_, v) => v);
    const root = (v) => (of[v] === v ? v : root(of[v]));
    const join = (a, b) => {
      of[max(root(a), root(b))] = min(root(a), root(b));
    };
    for (let a = 0; a < V; a++)
      for (let b = a + 1; b < V; b++) if (sd[a] > 0 && sd[b] > 0 && abs(cov(a, b)) > 0.95 * sd[a] * sd[b]) join(a, b);
    const heads = voters.map((_, v) => v).filter((v) => root(v) === v && sd[v] > 0);
    const strengthOf = (v) => {
      const found = [];
      for (const j of heads)
        for (const k of heads) {
          if (j >= k || j === v || k === v) continue;
          const below = abs(cov(j, k));
          if (below > 1e-9) found.push(sqrt(abs((cov(v, j) * cov(v, k)) / below)));
        }
      found.sort((a, b) => a - b);
      return found.length === 0 ? Number.NaN : found[Math.floor((found.length - 1) / 2)];
    };
    const d = heads.map(strengthOf);
    if (heads.length >= 4)
      heads.forEach((a, x) => {
        heads.forEach((b, y) => {
          if (x >= y) return;
          const off = abs(cov(a, b)) - d[x] * d[y];
          if (off > dependence * sd[a] * sd[b] && off * sqrt(weight) > 5 * sd[a] * sd[b]) join(a, b);
        });
      });
    const byRoot = new Map();
    voters.forEach((_, v) => {
      const members = byRoot.get(root(v)) || [];
      members.push(v);
      byRoot.set(root(v), members);
    });
    return Array.from(byRoot.values());
  }

  function measure(voter, v) {
    const g = groups.findIndex((members) => members.indexOf(v) >= 0);
    let voted = 0;
    let overlaps = 0;
    let conflicts = 0;
    let right = 0;
    let missing = 0;
    let said = 0;
    let agreed = 0;
    const weeks = new Map();
    for (let i = 0; i < split.length; i++) {
      const vote = worth[i][v];
      if (vote === 0) continue;
      const { n } = patterns[i];
      voted += n;
      if (sides[i].for + sides[i].against > 1) overlaps += n;
      if (vote > 0 ? sides[i].against > 0 : sides[i].for > 0) conflicts += n;
      const p = chances[i];
      const q = vote > 0 ? p : 1 - p;
      right += n * q;
      missing += n * q * (1 - q);
      const yes = patterns[i].yes || 0;
      const no = patterns[i].no || 0;
      said += yes + no;
      agreed += vote > 0 ? yes : no;
      if (patterns[i].weeks) {
        // by what the others say: a voice does not vouch for itself
        const apart = chance(odds(i, g));
        const held = vote > 0 ? apart : 1 - apart;
        for (const week of Object.keys(patterns[i].weeks)) {
          const kept = weeks.get(week) || { n: 0, right: 0 };
          kept.n += patterns[i].weeks[week];
          kept.right += patterns[i].weeks[week] * held;
          weeks.set(week, kept);
        }
      }
    }
    const accuracy = voted > 0 ? right / voted : null;
    let low = null;
    let high = null;
    if (accuracy !== null) {
      const spread = max(accuracy * (1 - accuracy), 1e-4);
      const kept = max(0.05, 1 - missing / (voted * spread));
      const se = sqrt(spread / (voted * kept));
      low = max(0, accuracy - 1.96 * se);
      high = min(1, accuracy + 1.96 * se);
    }
    const known = Array.from(weeks.keys()).sort();
    let recent = null;
    let weight = 1;
    if (known.length >= 8) {
      const sum = (names) =>
        names.reduce((a, name) => ({ n: a.n + weeks.get(name).n, right: a.right + weeks.get(name).right }), {
          n: 0,
          right: 0,
        });
      const late = sum(known.slice(-4));
      const early = sum(known.slice(0, -4));
      if (late.n >= 50 && early.n >= 50) {
        recent = late.right / late.n;
        const was = early.right / early.n;
        const pooled = (late.right + early.right) / (late.n + early.n);
        const z = (recent - was) / sqrt(max(pooled * (1 - pooled), 1e-6) * (1 / late.n + 1 / early.n));
        if (z < -4 && was - recent > 0.05 && was > 0.5) weight = max(0, min(1, (recent - 0.5) / (was - 0.5)));
      }
    }
    return {
      name: voter.name,
      group: g,
      votes: voted,
      overlaps,
      conflicts,
      accuracy,
      low,
      high,
      measured: said > 0 ? agreed / said : null,
      measuredOn: said,
      recent,
      weight,
    };
  }
}

/**
 * The text of a `language js` function body that takes JSON text `input` and gives JSON text.
 *
 * @returns {string}
 */
const body = () => `${fit.toString()}\nreturn JSON.stringify(fit(JSON.parse(input)));`;

module.exports = { fit, body };

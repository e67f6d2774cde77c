// A label model over patterns of votes. `fit` is one self-contained function: models give its text to `create function ... language js`,
// tests and tools call it as it stands, so both run the same code.

/** Of so many voters, how many stand in the first part of a pattern. */
const inFirst = (voters) => Math.ceil(voters / 2);

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
 * A pattern is a first part and a last part, each of which many patterns share. Log odds add up, so both the expectations and what is
 * counted of them go by parts: a round costs a product and a quotient for each pattern, however many voters there are. Groups that reach
 * over both parts go with the last, which then is a cell for each `key`, the votes of those groups in the first.
 *
 * Precondition: votes are better than chance on the whole, as `confidence` says; a voter that lies against all others is found (accuracy
 * below one half), a majority that lies is not.
 *
 * @param {{ start: { share: number, voters: { name: string, confidence: number }[] }, strength: number, personWeight: number, rounds: number,
 *   first: string[], last: string[], starts: number[], lasts: number[], sizes: number[], people: number[], weekly: number[] }} input
 *   `first` and `last` are the parts, votes joined by `|`. Patterns lie by their first part: `starts` says how many have each, `lasts` the
 *   place of their last part, `sizes` how many messages. `people` lists a pattern, how many people's labels say yes on messages of it, and
 *   how many no; `weekly` a pattern, a week, and its messages of that week
 * @returns {{ share: number, groups: string[][], isFitted: boolean,
 *   first: { votes: string, key: string, weight: number }[], last: { votes: string, key: string, weight: number }[],
 *   across: { first: string, last: string, weight: number }[], words: { group: number, answer: string, text: string, weight: number }[],
 *   voters: { name: string, group: number, votes: number, overlaps: number, conflicts: number, accuracy: number | null, low: number | null,
 *     high: number | null, measured: number | null, measuredOn: number, recent: number | null, weight: number }[] }}
 *   the log odds that the answer is yes are the weights of the first part, of the last, and of both keys in `across`. `words` are what each
 *   answer of a group adds to them, `name:vote+1.8`, where it is worth saying, and the share as group -1.
 *   accuracy with its 95 % interval: binomial, widened by the information that is missing where the label is not known (Louis 1982)
 */
function fit(input) {
  const { start, strength, personWeight, rounds } = input;
  const { exp, log, abs, sqrt, max, min } = Math;
  const voters = start.voters;
  const V = voters.length;
  const dependence = 0.12;
  /** Of more patterns than this, one of so many is heard first: where all of them start is nearly where they end. */
  const many = 4000;
  const stride = 8;
  const values = { for: 1, weak_for: 0.5, weak_against: -0.5, against: -1 };
  const value = (vote) => values[vote] || 0;
  const logit = (p) => log(p / (1 - p));

  // a voter stands in a part, at a place
  const H = Math.ceil(V / 2);
  const partOf = voters.map((_, v) => (v < H ? 0 : 1));
  const placeOf = voters.map((_, v) => (v < H ? v : v - H));
  const said = [input.first, input.last].map((texts) => texts.map((text) => text.split("|")));
  const worth = said.map((part) => part.map((votes) => votes.map(value)));

  // those of first part a lie from from[a] to from[a + 1]
  const firsts = said[0].length;
  const from = new Int32Array(firsts + 1);
  for (let a = 0; a < firsts; a++) from[a + 1] = from[a] + input.starts[a];
  const P = input.sizes.length;
  const lastOf = new Int32Array(P);
  lastOf.set(input.lasts);
  const size = new Float64Array(P);
  size.set(input.sizes);
  const firstOf = new Int32Array(P);
  for (let a = 0; a < firsts; a++) firstOf.fill(a, from[a], from[a + 1]);
  const sizes = measured({ from, cell: lastOf, n: size }, said[1].length).sizes;
  const total = sizes[0].reduce((sum, n) => sum + n, 0);
  const told = [];
  for (let j = 0; j < input.people.length; j += 3)
    told.push({ i: input.people[j], yes: input.people[j + 1], no: input.people[j + 2] });

  const groups = groupVoters();
  const G = groups.length;
  const groupOf = voters.map((_, v) => groups.findIndex((members) => members.indexOf(v) >= 0));

  // a group's answers are seen in the first part, in the last, or in the keys of both, what each says of groups that reach over both
  const seenIn = groups.map((members) => {
    const parts = members.map((v) => partOf[v]);
    return parts.every((part) => part === parts[0]) ? parts[0] : 2;
  });
  const keys = said.map((part, t) => {
    const reaching = voters.map((_, v) => v).filter((v) => partOf[v] === t && seenIn[groupOf[v]] === 2);
    return part.map((votes) => reaching.map((v) => votes[placeOf[v]]).join("|"));
  });
  const known = keys.map((of) => Array.from(new Set(of)));
  const keyOf = keys.map((of, t) => of.map((key) => known[t].indexOf(key)));
  const lasts = said[1].length;
  const pairs = [];
  const pairAt = new Map();
  // a last part and a first part's key are a cell: what each adds to the odds beside a first part is the same for all first parts of the key
  const places = new Int32Array(known[0].length * lasts).fill(-1);
  const lastOfCell = [];
  const pairOfCell = [];
  const cellOf = new Int32Array(P);
  for (let a = 0; a < firsts; a++) {
    const row = keyOf[0][a] * lasts;
    for (let i = from[a], end = from[a + 1]; i < end; i++) {
      const b = lastOf[i];
      if (places[row + b] < 0) {
        places[row + b] = lastOfCell.push(b) - 1;
        const pair = keyOf[0][a] * known[1].length + keyOf[1][b];
        if (!pairAt.has(pair)) pairAt.set(pair, pairs.push({ first: a, last: b }) - 1);
        pairOfCell.push(pairAt.get(pair));
      }
      cellOf[i] = places[row + b];
    }
  }
  const C = lastOfCell.length;
  const seen = [
    said[0].map((_, a) => ({ first: a, last: -1 })),
    said[1].map((_, b) => ({ first: -1, last: b })),
    pairs,
  ];

  // each group's joint answers, numbered, and which of them a cell has
  const answers = groups.map(() => []);
  const answerOf = groups.map((members, g) => {
    const symbols = new Map();
    return seen[seenIn[g]].map(({ first, last }) => {
      const votes = members.map((v) => (partOf[v] === 0 ? said[0][first] : said[1][last])[placeOf[v]]);
      const text = votes.join("|");
      const known = symbols.get(text);
      if (known !== undefined) return known;
      const heard = members.map((v, m) => `${voters[v].name}:${votes[m]}`).filter((_, m) => votes[m] !== "-");
      symbols.set(text, symbols.size);
      return answers[g].push({ text, votes, speaks: heard.length > 0, said: heard.join("&") }) - 1;
    });
  });

  // silence is no evidence: a group in which nobody votes adds nothing to the odds
  const speakers = seen.map((of, t) =>
    of.map((_, c) => groups.filter((_, g) => seenIn[g] === t && answers[g][answerOf[g][c]].speaks).length),
  );
  const speakersOf = lastOfCell.map((b, c) => speakers[1][b] + speakers[2][pairOfCell[c]]);

  // what a voter says with fewer than two others to hold it against proves nothing about the voter, unless a person said what is right
  const held = emptySet(P);
  const alone = emptySet(P);
  let silent = 0;
  for (let a = 0; a < firsts; a++) {
    const before = speakers[0][a];
    for (let i = from[a], end = from[a + 1]; i < end; i++) {
      const c = cellOf[i];
      const heard = before + speakersOf[c];
      if (heard === 0) silent += size[i];
      const set = heard >= 3 ? held : alone;
      set.cell[set.kept] = c;
      set.n[set.kept++] = size[i];
    }
    held.from[a + 1] = held.kept;
    alone.from[a + 1] = alone.kept;
  }
  const all = [measured(held, C), measured(alone, C)];
  const isCovered = total - silent >= 0.5 * total;
  // votes say who is right only where three independent groups meet; where that is rare the fit would follow chance
  const isFitted = G >= 3 && total > 0 && held.messages >= 0.1 * total;

  // where it starts: what is declared, turned into answers by how often each was given
  const share = start.share;
  const rate = groups.map((_, g) => {
    const [ofHeld, ofAlone] = all.map((set) => countOf(g, spread(set.sizes)));
    return ofHeld.map((n, at) => (n + ofAlone[at]) / max(total, 1));
  });
  const declared = [0, 1].map((side) => groups.map((members, g) => declare(answers[g], members, rate[g], side)));
  // what each answer of each group adds to the odds, silence nothing, and the share
  let state = { words: wordsOf(declared), share };
  if (isFitted || told.length > 0) {
    if (P > many) state = settle(state, all.map(drawn), stride);
    state = settle(state, all, 1);
  }

  // a voice that is less often right of late than before is worth less: weight is the excess over chance that it has kept
  const judged = all.map((set) => listen(set, state, true));
  const sides = worth.map((part) =>
    part.map((votes) => ({
      for: votes.filter((vote) => vote > 0).length,
      against: votes.filter((vote) => vote < 0).length,
    })),
  );
  const beside = besides();
  const byWeek = rightByWeek();
  const report = voters.map(measure);
  const weightOf = groups.map((members) => members.reduce((least, v) => min(least, report[v].weight), 1));
  const words = state.words.map((row, g) => row.map((weight) => weightOf[g] * weight));
  const base = logit(state.share);
  const weights = weigh(words);

  return {
    share: state.share,
    isFitted,
    groups: groups.map((members) => members.map((v) => voters[v].name)),
    voters: report,
    first: input.first.map((votes, a) => ({ votes, key: keys[0][a], weight: base + weights[0][a] })),
    last: input.last.map((votes, b) => ({ votes, key: keys[1][b], weight: weights[1][b] })),
    across: pairs.map(({ first, last }, c) => ({ first: keys[0][first], last: keys[1][last], weight: weights[2][c] })),
    words: words.reduce(
      (told, row, g) =>
        told.concat(
          row
            .map((weight, at) => ({
              group: g,
              answer: answers[g][at].text,
              text: inWords(answers[g][at].said, weight),
              weight,
            }))
            .filter(({ weight }) => abs(weight) >= 0.05),
        ),
      [{ group: -1, answer: "", text: inWords("share", base), weight: base }],
    ),
  };

  function emptySet(room) {
    return { from: new Int32Array(firsts + 1), cell: new Int32Array(room), n: new Float64Array(room), kept: 0 };
  }

  /** How many messages a set of patterns has, by first part, by cell, and on the whole. */
  function measured(set, cells) {
    const { from, cell, n } = set;
    const first = new Float64Array(firsts);
    const last = new Float64Array(cells);
    for (let a = 0; a < firsts; a++) {
      let sum = 0;
      for (let i = from[a], end = from[a + 1]; i < end; i++) {
        sum += n[i];
        last[cell[i]] += n[i];
      }
      first[a] = sum;
    }
    set.sizes = [first, last];
    set.messages = first.reduce((sum, n) => sum + n, 0);
    return set;
  }

  function drawn(set) {
    const few = emptySet(Math.ceil(set.kept / stride));
    for (let a = 0, i = 0; a < firsts; a++) {
      for (; i < set.from[a + 1]; i += stride) {
        few.cell[few.kept] = set.cell[i];
        few.n[few.kept++] = set.n[i];
      }
      few.from[a + 1] = few.kept;
    }
    return measured(few, C);
  }

  /** What is counted by first part and by cell, as counts of first parts, last parts and pairs of keys. */
  function spread([first, ofCell]) {
    const last = new Float64Array(lasts);
    const pair = new Float64Array(pairs.length);
    for (let c = 0; c < C; c++) {
      last[lastOfCell[c]] += ofCell[c];
      pair[pairOfCell[c]] += ofCell[c];
    }
    return [first, last, pair];
  }

  /** What is counted where a group is seen, by its answers. */
  function countOf(g, spreadCounts) {
    const counts = spreadCounts[seenIn[g]];
    const sums = new Array(answers[g].length).fill(0);
    answerOf[g].forEach((answer, c) => {
      sums[answer] += counts[c];
    });
    return sums;
  }

  /** The log odds that first parts, last parts and pairs of keys add. */
  function weigh(words) {
    const sums = seen.map((of) => new Float64Array(of.length));
    words.forEach((word, g) => {
      const into = sums[seenIn[g]];
      answerOf[g].forEach((answer, c) => {
        into[c] += word[answer];
      });
    });
    return sums;
  }

  /** How many messages are expected to be a no, by first part, by cell, and on the whole; and what is missing to know it, where that is asked. */
  function listen({ from, cell, n }, { words, share }, isJudged) {
    // bounded, so that no product of three is without end
    const [first, last, pair] = weigh(words).map((sums) => sums.map((sum) => exp(max(-200, min(200, sum)))));
    const ratio = new Float64Array(C);
    for (let c = 0; c < C; c++) ratio[c] = last[lastOfCell[c]] * pair[pairOfCell[c]];
    const prior = share / (1 - share);
    const none = [new Float64Array(firsts), new Float64Array(C)];
    const missing = [new Float64Array(firsts), new Float64Array(C)];
    const noneOfCell = none[1];
    let all = 0;
    for (let a = 0; a < firsts; a++) {
      const odds = prior * first[a];
      let sum = 0;
      for (let i = from[a], end = from[a + 1]; i < end; i++) {
        const c = cell[i];
        const no = n[i] / (1 + odds * ratio[c]);
        sum += no;
        noneOfCell[c] += no;
        if (isJudged) {
          const unsure = no * (1 - no / n[i]);
          missing[0][a] += unsure;
          missing[1][c] += unsure;
        }
      }
      none[0][a] = sum;
      all += sum;
    }
    return { none, missing, all };
  }

  /** What a group answers in a pattern. */
  function answerTo(g, i) {
    const pair = seenIn[g] === 2 ? pairOfCell[cellOf[i]] : -1;
    return answerOf[g][[firstOf[i], lastOf[i], pair][seenIn[g]]];
  }

  function wordsOf(table) {
    return groups.map((_, g) => table[1][g].map((p, at) => (answers[g][at].speaks ? log(p / table[0][g][at]) : 0)));
  }

  /**
   * Expectation-maximisation over sets of patterns, each of which stands for `times` of its kind. Two rounds show where the next ones go:
   * they are taken at once (SQUAREM, Varadhan & Roland 2008).
   */
  function settle(begun, [held, alone], times) {
    const isShared = isFitted && isCovered;
    const heldOf = groups.map((_, g) => countOf(g, spread(held.sizes)));
    const base = [0, 1].map((side) => declared[side].map((row) => row.map((p) => p * strength)));
    let yes = share * strength;
    let sum = strength + times * (held.messages + alone.messages);
    for (const one of told) {
      groups.forEach((_, g) => {
        const at = answerTo(g, one.i);
        base[1][g][at] += personWeight * one.yes;
        base[0][g][at] += personWeight * one.no;
      });
      yes += personWeight * one.yes;
      sum += personWeight * (one.yes + one.no);
    }
    const next = (state) => {
      const heard = isFitted ? listen(held, state, false) : undefined;
      const none = heard === undefined ? undefined : spread(heard.none);
      const noneOf = heldOf.map((of, g) => (none === undefined ? of.map(() => 0) : countOf(g, none)));
      const table = [0, 1].map((side) =>
        base[side].map((row, g) => {
          const counts = row.map((n, at) => {
            if (!isFitted) return n;
            return n + times * (side === 0 ? noneOf[g][at] : max(0, heldOf[g][at] - noneOf[g][at]));
          });
          const whole = counts.reduce((a, b) => a + b, 0);
          return counts.map((n) => n / whole);
        }),
      );
      // where most messages have no vote, those that have one are no sample of all: the share stands as declared
      if (!isShared) return { words: wordsOf(table), share: state.share };
      const no = heard.all + listen(alone, state, false).all;
      return { words: wordsOf(table), share: (yes + times * (held.messages + alone.messages - no)) / sum };
    };
    /** A state as a list of numbers, and back. */
    const listed = ({ words, share }) => words.reduce((all, row) => all.concat(row), [logit(share)]);
    const ends = answers.reduce((ends, { length }) => ends.concat(ends[ends.length - 1] + length), [1]);
    const stated = (list) => ({
      words: groups.map((_, g) => list.slice(ends[g], ends[g + 1])),
      share: isShared ? 1 / (1 + exp(-list[0])) : begun.share,
    });
    let here = begun;
    for (let round = 0; round < rounds; round += 3) {
      const once = next(here);
      const twice = next(once);
      const [x, y, z] = [here, once, twice].map(listed);
      if (y.every((one, at) => abs(z[at] - one) < 1e-4)) return twice;
      let step = 0;
      let bend = 0;
      y.forEach((one, at) => {
        step += (one - x[at]) ** 2;
        bend += (z[at] - 2 * one + x[at]) ** 2;
      });
      const length = max(1, min(16, sqrt(step / max(bend, 1e-12))));
      here = next(
        stated(x.map((one, at) => one + 2 * length * (y[at] - one) + length ** 2 * (z[at] - 2 * y[at] + one))),
      );
    }
    return here;
  }

  function inWords(text, weight) {
    return `${text}${weight < 0 ? "" : "+"}${weight.toFixed(2)}`;
  }

  function declare(known, members, rates, side) {
    const row = [];
    known.forEach(({ votes }, at) => {
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
    const mean = voters.map((_, v) => {
      const of = worth[partOf[v]];
      let sum = 0;
      for (let c = 0; c < of.length; c++) sum += (sizes[partOf[v]][c] * of[c][placeOf[v]]) / (total || 1);
      return sum;
    });
    const weight = total || 1;
    const c = voters.map(() => new Array(V).fill(0));
    // of two in one part the messages of each part tell it; of one in each, what the last part says on the average beside a first
    for (const part of [0, 1])
      worth[part].forEach((votes, at) => {
        for (let a = 0; a < V; a++) {
          if (partOf[a] !== part) continue;
          const x = ((votes[placeOf[a]] - mean[a]) * sizes[part][at]) / weight;
          for (let b = a; b < V; b++) if (partOf[b] === part) c[a][b] += x * (votes[placeOf[b]] - mean[b]);
        }
      });
    for (let some = H; some < V; some += 3) {
      const of = voters.map((_, v) => v).filter((v) => v >= some && v < some + 3);
      const texts = said[1].map((votes) => of.map((v) => votes[placeOf[v]]).join("|"));
      const known = Array.from(new Set(texts));
      const textOf = Int32Array.from(texts, (text) => known.indexOf(text));
      const said3 = known.map((text) => text.split("|").map(value));
      for (let at = 0; at < firsts; at++) {
        const beside = new Float64Array(known.length);
        for (let i = from[at], end = from[at + 1]; i < end; i++) beside[textOf[lastOf[i]]] += size[i];
        of.forEach((b, m) => {
          let sum = -sizes[0][at] * mean[b];
          for (let k = 0; k < beside.length; k++) sum += beside[k] * said3[k][m];
          for (let a = 0; a < H; a++) c[a][b] += ((worth[0][at][a] - mean[a]) * sum) / weight;
        });
      }
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

  /** Messages of a cell by what the votes of the other part say: none, for, against, both. */
  function besides() {
    const flags = sides.map((part) => part.map((one) => (one.for > 0 ? 1 : 0) + (one.against > 0 ? 2 : 0)));
    const sums = worth.map((part) => new Float64Array(part.length * 4));
    for (let i = 0; i < P; i++) {
      sums[0][firstOf[i] * 4 + flags[1][lastOf[i]]] += size[i];
      sums[1][lastOf[i] * 4 + flags[0][firstOf[i]]] += size[i];
    }
    return sums;
  }

  /** By voter and week, its votes and how many of them are right by what the others say: a voice does not vouch for itself. */
  function rightByWeek() {
    const { weekly } = input;
    const weeks = voters.map(() => new Map());
    const [first, last, pair] = weigh(state.words);
    const prior = logit(state.share);
    for (let j = 0; j < weekly.length; j += 3) {
      const i = weekly[j];
      const odds = prior + first[firstOf[i]] + last[lastOf[i]] + pair[pairOfCell[cellOf[i]]];
      for (let v = 0; v < V; v++) {
        const vote = worth[partOf[v]][partOf[v] === 0 ? firstOf[i] : lastOf[i]][placeOf[v]];
        if (vote === 0) continue;
        const g = groupOf[v];
        const own = state.words[g][answerTo(g, i)];
        const kept = weeks[v].get(weekly[j + 1]) || { n: 0, right: 0 };
        kept.n += weekly[j + 2];
        kept.right += weekly[j + 2] / (1 + exp(vote > 0 ? own - odds : odds - own));
        weeks[v].set(weekly[j + 1], kept);
      }
    }
    return weeks;
  }

  function measure(voter, v) {
    const part = partOf[v];
    let voted = 0;
    let overlaps = 0;
    let conflicts = 0;
    worth[part].forEach((votes, at) => {
      const vote = votes[placeOf[v]];
      if (vote === 0) return;
      const own = sides[part][at];
      const [, pro, contra, both] = beside[part].slice(at * 4, at * 4 + 4);
      voted += sizes[part][at];
      overlaps += own.for + own.against > 1 ? sizes[part][at] : pro + contra + both;
      const isDenied = vote > 0 ? own.against > 0 : own.for > 0;
      conflicts += isDenied ? sizes[part][at] : both + (vote > 0 ? contra : pro);
    });
    let right = 0;
    let missing = 0;
    all.forEach((set, which) => {
      const whole = spread(set.sizes)[part];
      const none = spread(judged[which].none)[part];
      const unsure = spread(judged[which].missing)[part];
      worth[part].forEach((votes, at) => {
        const vote = votes[placeOf[v]];
        if (vote === 0) return;
        right += vote > 0 ? whole[at] - none[at] : none[at];
        missing += unsure[at];
      });
    });
    let labelled = 0;
    let agreed = 0;
    for (const { i, yes, no } of told) {
      const vote = worth[part][part === 0 ? firstOf[i] : lastOf[i]][placeOf[v]];
      if (vote === 0) continue;
      labelled += yes + no;
      agreed += vote > 0 ? yes : no;
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
    const known = Array.from(byWeek[v].keys()).sort((one, other) => one - other);
    let recent = null;
    let weight = 1;
    if (known.length >= 8) {
      const sum = (weeks) =>
        weeks
          .map((week) => byWeek[v].get(week))
          .reduce((all, { n, right }) => ({ n: all.n + n, right: all.right + right }), { n: 0, right: 0 });
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
      group: groupOf[v],
      votes: voted,
      overlaps,
      conflicts,
      accuracy,
      low,
      high,
      measured: labelled > 0 ? agreed / labelled : null,
      measuredOn: labelled,
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

module.exports = { fit, body, inFirst };

// What makes two ids one person, and when links are not followed; once.

/**
 * Kinds of links that identity.persons follows: each is deterministic, somebody proved to be both.
 *
 *   login        an anonymous id signed in to an account        click_token   a device followed the personal link of an e-mail
 *   form         a form named the address while the id was seen crm_id        another system's id of the same account
 *   id_key       one address under two id keys (keys rotate)
 *
 * A kind that is not listed is followed as well: whoever lands it says that the ids are one person.
 */
const linkKinds = ["login", "form", "click_token", "crm_id", "id_key"];

/** A person has at most this many ids; what grows beyond is an accident of linking, and nobody in it is merged. */
const maxIdsPerPerson = 50;
/** An id without a profile that is linked to more accounts (ids with a profile) than this is a shared device. */
const maxAccountsPerDevice = 3;
/** An id without a profile that is linked to more ids than this is shared too, even where none has a profile. */
const maxLinksPerDevice = 20;

/** Why links were not followed. */
const conflictReasons = {
  role_address: "An address of a role (info@, sales@ ...), which several people read.",
  shared_device: `A device that is linked to more than ${maxAccountsPerDevice} accounts, or to more than ${maxLinksPerDevice} ids.`,
  too_many_ids: `Ids that together would be more than ${maxIdsPerPerson}.`,
};

/**
 * Ids are numbered below this prime. Each round of the contraction multiplies them by another factor, modulo the prime, which is a
 * new order of all of them; the inverse leads back from a place in that order to the id. The first round takes them as they are.
 */
const prime = 2147483647;
const factors = [1, 48271, 69621, 16807, 39373, 742938285, 950706376, 1226874159, 62089911, 1343714438];
const inverseOf = (factor) => {
  // Fermat: factor ^ (prime - 2)
  let [result, base] = [1n, BigInt(factor)];
  for (let power = BigInt(prime) - 2n; power > 0n; power >>= 1n) {
    if (power & 1n) result = (result * base) % BigInt(prime);
    base = (base * base) % BigInt(prime);
  }
  return Number(result);
};
const inverses = factors.map(inverseOf);

/** Stands in microseconds for "from the beginning": the oldest id of a person was never joined to anybody. 1 January of year 1. */
const never = -62135596800000000;

/**
 * Replays what was said about the links of a few ids, in the order in which it happened, and says who is one person at the end.
 * Used where links were taken back; without that the oldest id's name is what the replay would give. Runs inside the warehouse
 * as JavaScript, on BigQuery as on DuckDB, so it is one function without anything around it.
 *
 * `statements` is JSON: [[left, right, kind, at, isLinked, knownAt] ...], `ages` is JSON: [[id, firstSeen] ...], times in microseconds
 * as numbers. The result is JSON: { members: [[id, person, knownAt or null]], changes: [[kind, at, person, other, ids]] }.
 *
 *   merge   the older person (by its oldest id, then by the name of that) keeps its name
 *   split   the larger part keeps the name, of equals the one with the oldest id; the other is called by its own oldest id
 */
function replayLinks(statements, ages) {
  const said = JSON.parse(statements);
  const ageOf = new Map(JSON.parse(ages));
  const isOlder = (a, b) => ageOf.get(a) < ageOf.get(b) || (ageOf.get(a) === ageOf.get(b) && a < b);
  const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  // of one instant: links before withdrawals, and the rest of the order only makes it the same every time
  said.sort((a, b) => a[3] - b[3] || Number(b[4]) - Number(a[4]) || order(a[0], b[0]) || order(a[1], b[1]));
  const edges = new Map(); // id -> Map(id -> Map(kind -> known at))
  const personOf = new Map(); // id -> { name, ids }
  const changes = [];
  const oldest = (ids) => ids.reduce((first, id) => (isOlder(id, first) ? id : first));
  const names = new Set();
  const fresh = (id) => {
    let name = id;
    for (let n = 2; names.has(name); n++) name = `${id}~${n}`;
    names.add(name);
    return name;
  };
  for (const id of ageOf.keys()) {
    edges.set(id, new Map());
    personOf.set(id, { name: fresh(id), ids: [id] });
  }
  const reach = (from) => {
    const found = [from];
    const seen = new Set(found);
    for (let i = 0; i < found.length; i++)
      for (const id of edges.get(found[i]).keys())
        if (!seen.has(id)) {
          seen.add(id);
          found.push(id);
        }
    return found;
  };
  for (const [left, right, kind, at, isLinked, knownAt] of said) {
    const links = edges.get(left).get(right);
    if (isLinked) {
      if (links) links.set(kind, Math.min(links.get(kind) ?? knownAt, knownAt));
      else {
        const made = new Map([[kind, knownAt]]);
        edges.get(left).set(right, made);
        edges.get(right).set(left, made);
      }
      const a = personOf.get(left);
      const b = personOf.get(right);
      if (a === b) continue;
      const [kept, gone] = isOlder(oldest(a.ids), oldest(b.ids)) ? [a, b] : [b, a];
      changes.push(["merge", at, kept.name, gone.name, gone.ids.length]);
      names.delete(gone.name);
      for (const id of gone.ids) personOf.set(id, kept);
      kept.ids = kept.ids.concat(gone.ids);
      continue;
    }
    if (!links) continue;
    if (kind === null) links.clear();
    else links.delete(kind);
    if (links.size > 0) continue;
    edges.get(left).delete(right);
    edges.get(right).delete(left);
    const a = reach(left);
    if (a.includes(right)) continue;
    const b = reach(right);
    const whole = personOf.get(left);
    const isFirst = a.length > b.length || (a.length === b.length && isOlder(oldest(a), oldest(b)));
    const [kept, gone] = isFirst ? [a, b] : [b, a];
    whole.ids = kept;
    const other = { name: fresh(oldest(gone)), ids: gone };
    for (const id of gone) personOf.set(id, other);
    changes.push(["split", at, whole.name, other.name, gone.length]);
  }
  // From when on an id is known to be the person: the earliest instant at which links known by then lead to the oldest id.
  const members = [];
  for (const person of new Set(personOf.values())) {
    const first = oldest(person.ids);
    const known = new Map([[first, null]]);
    const queue = [first];
    while (queue.length > 0) {
      const id = queue.shift();
      for (const [other, links] of edges.get(id)) {
        const at = Math.min(...links.values());
        const since = known.get(id) === null ? at : Math.max(known.get(id), at);
        if (!known.has(other) || (known.get(other) !== null && since < known.get(other))) {
          known.set(other, since);
          queue.push(other);
        }
      }
    }
    for (const id of person.ids) members.push([id, person.name, known.get(id) ?? null, person.ids.length]);
  }
  return JSON.stringify({ members, changes });
}

/** The body of a `language js` function of `statements` and `ages`: `replayLinks` as text. */
const replayBody = `${replayLinks.toString()}\nreturn replayLinks(statements, ages);`;

module.exports = {
  linkKinds,
  maxIdsPerPerson,
  maxAccountsPerDevice,
  maxLinksPerDevice,
  conflictReasons,
  never,
  prime,
  factors,
  inverses,
  replayLinks,
  replayBody,
};

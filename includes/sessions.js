// Sessions on site or app, once: what a session's beginning is, in SQL and for acts as they stream in. An act with a session's id belongs to
// that session; one without belongs to whatever the person did there just before, until they pause.

/** An act without an id that comes this long after the person's last act on the site begins a session. */
const idleMinutes = 30;

/** An id that comes again this long after its last act is another session's: what lives longer is a visitor's id. */
const idHours = 24;

const idleMicros = idleMinutes * 60_000_000;
const idMicros = idHours * 3_600_000_000;

/**
 * Whether an act begins a session, as SQL over rows that have `_micros`, `session_id` and `key`: whose act it is. `ties` are the columns that
 * tell acts of one microsecond apart.
 *
 *   beginsSql("past_key", "event_id")
 *   =>  if(session_id is null, coalesce(_micros - lag(_micros) over (partition by past_key ...) >= 1800000000, true), ...)
 */
const beginsSql = (key, ties) => {
  const before = (partition) => `_micros - lag(_micros) over (partition by ${partition} order by _micros, ${ties})`;
  return `if(
      session_id is null,
      coalesce(${before(key)} >= ${idleMicros}, true),
      coalesce(${before(`${key}, session_id`)} >= ${idMicros}, true)
    )`;
};

/**
 * The acts that begin a session, of one person's acts on the site in order of time. What comes earlier than an act only ever takes its beginning
 * from it: where acts were told apart before, `begins` false stays.
 */
const beginners = (acts) => {
  let last = Number.NEGATIVE_INFINITY;
  const lastOf = new Map();
  return acts.filter(({ at, session = null, begins }) => {
    const isFirst =
      session === null ? at - last >= idleMicros : at - (lastOf.get(session) ?? Number.NEGATIVE_INFINITY) >= idMicros;
    last = at;
    if (session !== null) lastOf.set(session, at);
    return isFirst && begins !== false;
  });
};

module.exports = { idleMinutes, idHours, beginsSql, beginners };

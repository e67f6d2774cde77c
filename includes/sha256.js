// SHA-256 (FIPS 180-4) for text that models are compiled from: Dataform's compiler gives includes no crypto module, and a version must be
// the same in a model, in a snapshot's lock and in a model's lineage. A test holds it against Node's own.

const primes = [];
for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
const fraction = (root) => ((root - Math.floor(root)) * 0x100000000) >>> 0;
const firstState = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
const constants = primes.map((prime) => fraction(Math.cbrt(prime)));

const rotate = (word, bits) => (word >>> bits) | (word << (32 - bits));

/** The bytes of a text in UTF-8. Lone surrogates are no text and throw. */
const utf8 = (text) => Array.from(unescape(encodeURIComponent(text)), (one) => one.charCodeAt(0));

/**
 * The digest of a text in UTF-8, as 64 hex digits.
 *
 *   sha256("abc")  =>  "ba7816bf..."
 */
function sha256(text) {
  const bytes = utf8(text);
  const bits = bytes.length * 8;
  bytes.push(0x80);
  while (bytes.length % 64 !== 56) bytes.push(0);
  for (let shift = 56; shift >= 0; shift -= 8) bytes.push(Math.floor(bits / 2 ** shift) & 0xff);
  const state = [...firstState];
  for (let at = 0; at < bytes.length; at += 64) {
    const words = [];
    for (let i = 0; i < 64; i++) {
      if (i < 16) {
        const [a, b, c, d] = bytes.slice(at + 4 * i, at + 4 * i + 4);
        words.push((a << 24) | (b << 16) | (c << 8) | d);
        continue;
      }
      const early = words[i - 15];
      const late = words[i - 2];
      const s0 = rotate(early, 7) ^ rotate(early, 18) ^ (early >>> 3);
      const s1 = rotate(late, 17) ^ rotate(late, 19) ^ (late >>> 10);
      words.push((words[i - 16] + s0 + words[i - 7] + s1) | 0);
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i++) {
      const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      const first = (h + s1 + ((e & f) ^ (~e & g)) + constants[i] + words[i]) | 0;
      const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      const second = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((word, i) => {
      state[i] = (state[i] + word) | 0;
    });
  }
  return state.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

module.exports = { sha256 };

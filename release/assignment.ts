import { createHmac } from "node:crypto";

/** Who decides for a person during a canary. */
export type Arm = "candidate" | "champion";

export interface AssignmentQuestion {
  /** Secret of this installation; whoever knows it can work out everybody's arm. */
  readonly key: Uint8Array;
  /** Name of the release: another canary draws anew, so that nobody is always the one who tries. */
  readonly release: string;
  /** The person (`user_id_hash`), not the message: all that a person gets during a canary comes from one arm. */
  readonly person: string;
  /** The candidate's share now, 0 to 1. */
  readonly share: number;
}

export interface Assignment {
  readonly arm: Arm;
  /** Chance that this person had of this arm: goes into raw.decisions as the propensity. */
  readonly propensity: number;
  /** Where the person stands, in [0, 1): below the share is the candidate's. */
  readonly point: number;
}

/**
 * The arm of a person. Sticky: the same key, release and person always stand at the same point, so a share that grows only
 * moves people from the champion to the candidate. HMAC-SHA-256 makes points uniform and independent between releases and people, and nobody
 * without the key can choose an arm by choosing an id.
 */
export function assign(question: AssignmentQuestion): Assignment {
  const { key, release, person, share } = question;
  if (!(share >= 0 && share <= 1)) throw new RangeError(`a share is between 0 and 1, not ${share}`);
  const point = pointOf(key, release, person);
  return point < share
    ? { arm: "candidate", propensity: share, point }
    : { arm: "champion", propensity: 1 - share, point };
}

/** The first 53 bits of the digest as a fraction. */
function pointOf(key: Uint8Array, release: string, person: string): number {
  const digest = createHmac("sha256", key).update(`canary\0${release}\0${person}`).digest();
  return (digest.readUInt32BE(0) * 2 ** 21 + (digest.readUInt32BE(4) >>> 11)) / 2 ** 53;
}

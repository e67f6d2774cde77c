import { draws, type Epsilon, type Mechanism, secondsGrid } from "./mechanisms.ts";

/** Gives a whole number below `draws`, each as likely as the others. */
export type Draw = () => number;

/**
 * k-ary randomised response: the answer that is reported where `truth` is the true one. Whole numbers alone are compared, and one draw decides: no rounding
 * of a floating point number can tell of the truth.
 */
export function randomised(mechanism: Mechanism, epsilon: Epsilon, truth: number, draw: Draw): number {
  const width = mechanism.widths[epsilon];
  const others = mechanism.answers - 1;
  const left = draw() - (draws - others * width);
  if (left < 0) return truth;
  const other = Math.floor(left / width);
  return other < truth ? other : other + 1;
}

/**
 * The place in the grid that a time is rounded to: of the two that it lies between, either one, so that on average over draws the time stays what it is. Cut to
 * whole seconds first, and to the ends of the grid.
 */
export function rounded(seconds: number, draw: Draw): number {
  const last = secondsGrid.length - 1;
  const whole = Math.min(Math.floor(seconds), secondsGrid[last]!);
  for (let at = 0; at < last; at++) {
    const from = secondsGrid[at]!;
    const to = secondsGrid[at + 1]!;
    if (whole < to) return draw() * (to - from) < (whole - from) * draws ? at + 1 : at;
  }
  return last;
}

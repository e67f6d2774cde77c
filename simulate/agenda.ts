import type { Campaign } from "./campaigns.ts";
import { DAY_MS } from "./config.ts";

/** One mail that is to be sent, if it still may be when its time comes. */
export interface Errand {
  readonly u: number;
  readonly campaign: Campaign;
  /** Epoch ms. */
  readonly at: number;
}

/** What is to be sent when. A day's errands come out in the order of their times, also those that are added meanwhile. */
export class Agenda {
  private readonly byDay = new Map<number, Errand[]>();
  private readonly startsAt: number;
  private readonly days: number;
  private today = -1;
  private readonly added: Errand[] = [];

  constructor(startsAt: number, days: number) {
    this.startsAt = startsAt;
    this.days = days;
  }

  /** Notes an errand; what lies after the last day is forgotten. */
  add(campaign: Campaign, u: number, at: number): void {
    const day = Math.floor((at - this.startsAt) / DAY_MS);
    if (day >= this.days) return;
    const errand = { u, campaign, at };
    if (day === this.today) {
      let place = this.added.length;
      while (place > 0 && this.added[place - 1]!.at > at) place--;
      this.added.splice(place, 0, errand);
      return;
    }
    const errands = this.byDay.get(day);
    if (errands) errands.push(errand);
    else this.byDay.set(day, [errand]);
  }

  /** The errands of a day. To be called once a day, in the order of days. */
  *take(day: number): Iterable<Errand> {
    const planned = this.byDay.get(day) ?? [];
    this.byDay.delete(day);
    planned.sort((a, b) => a.at - b.at);
    this.today = day;
    let next = 0;
    while (next < planned.length || this.added.length > 0) {
      const meanwhile = this.added[0];
      const isPlanned = meanwhile === undefined || (next < planned.length && planned[next]!.at <= meanwhile.at);
      yield isPlanned ? planned[next++]! : this.added.shift()!;
    }
  }
}

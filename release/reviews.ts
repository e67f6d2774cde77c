import { reviewKinds } from "./events.ts";
import type { ReleaseState } from "./state.ts";

const dayMs = 86_400_000;
const dueAfterDays: Readonly<Record<(typeof reviewKinds)[number], number>> = { day: 1, week: 7, month: 30 };

/** A look back at a promoted version: what monitoring shows a day, a week and a month after. */
export interface Review {
  readonly version: string;
  readonly review: (typeof reviewKinds)[number];
  readonly due_at: string;
  readonly is_done: boolean;
  readonly is_overdue: boolean;
}

/** The reviews of every version that decides for customers, in the order in which they are due. */
export function reviewsOf(state: ReleaseState, now: Date): readonly Review[] {
  return [...state.versions.values()]
    .filter(({ stage, promotedAt }) => stage === "champion" && promotedAt !== null)
    .flatMap(({ version, promotedAt, reviews }) =>
      reviewKinds.map((review) => {
        const due = new Date(Date.parse(promotedAt ?? "") + dueAfterDays[review] * dayMs);
        const isDone = reviews.includes(review);
        return { version, review, due_at: due.toISOString(), is_done: isDone, is_overdue: !isDone && now > due };
      }),
    )
    .sort((a, b) => (a.due_at < b.due_at ? -1 : 1));
}

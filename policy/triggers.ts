import type { Policy } from "./schema.ts";

/** An event of a person, as a trigger looks at it; times in milliseconds since the epoch. */
export interface TriggerEvent {
  readonly event_id: string;
  readonly event_type: string;
  readonly category: string | null;
  readonly at: number;
  readonly received_at: number;
}

type EventTrigger = Extract<Policy["trigger"], { on: "event" }>;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** How far back a trigger has to look, in milliseconds. */
export const triggerReach = (trigger: EventTrigger): number =>
  (trigger.delay_minutes + trigger.expires_minutes) * minuteMs;

/** Whether something that a person did has called off what answers an event of theirs at `at`. */
export const isCalledOff = (
  trigger: EventTrigger,
  at: number,
  acts: readonly Pick<TriggerEvent, "event_type" | "at">[],
  now: number,
): boolean => acts.some((act) => trigger.cancelled_by.includes(act.event_type) && act.at >= at && act.at <= now);

/**
 * The event of a person that is answered now: the latest of the trigger's whose delay is over, that nothing has called off since it happened,
 * that is not too old, and that does not follow an answer too soon. `answeredAt` is when the policy last decided for the person, if ever.
 */
export function dueTrigger<E extends TriggerEvent>(
  trigger: EventTrigger,
  events: readonly E[],
  answeredAt: number | null,
  now: number,
): E | undefined {
  if (answeredAt !== null && now - answeredAt < trigger.once_in_hours * hourMs) return undefined;
  let due: E | undefined;
  for (const event of events) {
    if (!trigger.events.includes(event.event_type)) continue;
    if (trigger.categories.length > 0 && !trigger.categories.includes(event.category ?? "")) continue;
    const age = now - event.at - trigger.delay_minutes * minuteMs;
    if (age < 0 || age > trigger.expires_minutes * minuteMs) continue;
    if (answeredAt !== null && event.at <= answeredAt) continue;
    if (isCalledOff(trigger, event.at, events, now)) continue;
    if (!due || event.at > due.at || (event.at === due.at && event.event_id > due.event_id)) due = event;
  }
  return due;
}

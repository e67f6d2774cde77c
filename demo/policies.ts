/** What the demo's canaries are decided under, and what answers a cart that was left. */
export const newsletter = "newsletter";
export const cartReminder = "cart-reminder";

/** Policies by name. They are written into the home, where `inboxloop decide --policies` finds them. */
export const policies: Readonly<Record<string, string>> = {
  [newsletter]: `# A newsletter that the champion decides; where it cannot, a rule does.
schema: "1"
name: ${newsletter}
description: One mail to everybody whom it is worth sending to
kind: bulk
variants:
  - {name: plain}
  - {name: discount}
  - {name: urgency}
  - {name: personal}
# The demo builds once a look, not once an hour. What is heard meanwhile of unsubscribes, complaints and consents counts all the same.
governance_max_age_hours: 240
model: {least_confidence: 0.5, max_age_hours: 240}
caps:
  per_person: [{sends: 4, days: 7}]
  gap_hours: 20
send_time: {mode: best_hour, default_hour: 10, max_delay_hours: 23}
rules:
  - {name: readers, variant: plain, when: {input: opens_30d, at_least: 1}, approved: {by: ben, at: "2025-11-01"}}
ladder: [model, rule, suppress]
`,
  [cartReminder]: `# A cart that was left: an hour later, unless it was bought meanwhile.
schema: "1"
name: ${cartReminder}
description: A reminder of a cart that was left
kind: trigger
priority: 10
trigger:
  on: event
  events: [add_to_cart]
  delay_minutes: 60
  cancelled_by: [purchase, conversion]
  once_in_hours: 72
variants:
  - {name: plain}
caps:
  per_person: [{sends: 1, days: 3, kind: trigger}]
category: {input: trigger_category, content: {}, otherwise: plain}
ladder: [category, suppress]
`,
};

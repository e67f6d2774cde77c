import { periodsOf } from "./caps.ts";
import type { Customer, Decision, PolicyInForce } from "./decision.ts";

/** What is known of a person and of the policy's caps after a decision: the send counts from when it is decided, not from when it goes out. */
export function countSend<C extends Pick<Customer, "sends">, P extends Pick<PolicyInForce, "sent" | "policy">>(
  decision: Decision,
  customer: C,
  inForce: P,
): { readonly customer: C; readonly inForce: P } {
  if (decision.action !== "send" || decision.send_at === null) return { customer, inForce };
  const send = { at: decision.send_at, kind: inForce.policy.kind, campaign_id: decision.campaign_id };
  const sent = { ...inForce.sent };
  for (const period of Object.values(periodsOf(decision.decided_at))) sent[period] = (sent[period] ?? 0) + 1;
  return {
    customer: { ...customer, sends: [...(customer.sends ?? []), send] },
    inForce: { ...inForce, sent },
  };
}

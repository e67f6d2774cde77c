import type { DecidedSend } from "../../../activation/mail.ts";
import { parsePolicy } from "../../../policy/load-policy.ts";
import type { Row, Warehouse } from "../../../warehouse/warehouse.ts";

export const begin = Date.parse("2026-11-29T10:00:00Z");
export const personId = (n: number): string => `sha256:${n.toString(16).padStart(64, "0")}`;

export const sendTo = (n: number, person: number, more: Partial<DecidedSend> = {}): DecidedSend => ({
  decision_id: `d-${n.toString(16).padStart(32, "0")}`,
  message_id: `m-${n.toString(16).padStart(32, "0")}`,
  user_id_hash: personId(person),
  campaign_id: "spring",
  campaign_kind: "bulk",
  policy: "plain",
  variant: "plain",
  offer: null,
  send_at: begin - 60_000 - n,
  triggered_at: null,
  ...more,
});

export const plainPolicy = (more = "") =>
  new Map([
    [
      "plain",
      parsePolicy(
        `schema: "1"\nname: plain\nkind: bulk\nvariants: [{name: plain}]\nrules: [{name: all, variant: plain, approved: {by: ada, at: '2026-11-01'}}]\nladder: [rule, suppress]\n${more}`,
        "plain.yaml",
      ),
    ],
  ]);

/** A warehouse that knows some decided sends, who has left, and what went out; it answers by the name that a query gives itself. */
export function standIn(
  sends: readonly DecidedSend[],
  options: { readonly otherIds?: Readonly<Record<string, readonly string[]>> } = {},
) {
  const left = new Set<string>();
  const out: Row[] = [];
  const heardOf = new Set<string>();
  const acts: { readonly user_id_hash: string; readonly event_type: string; readonly at: number }[] = [];
  const asRow = (send: DecidedSend): Row => ({
    ...send,
    policy_name: send.policy,
    send_at: new Date(send.send_at).toISOString(),
    triggered_at: send.triggered_at === null ? null : new Date(send.triggered_at).toISOString(),
  });
  const inOrder = [...sends].sort((a, b) => a.send_at - b.send_at || (a.decision_id < b.decision_id ? -1 : 1));
  const answer = (file: string, params: Readonly<Record<string, unknown>>): readonly Row[] => {
    const ids = (params["ids"] ?? []) as readonly string[];
    switch (file) {
      case "decided sends": {
        const at = (params["at"] as Date).getTime();
        const behind = (send: DecidedSend) =>
          send.send_at > at || (send.send_at === at && send.decision_id > String(params["id"]));
        return inOrder.filter((send) => behind(send) && send.send_at <= (params["to"] as Date).getTime()).map(asRow);
      }
      case "decided sends by id":
        return inOrder.filter(({ decision_id }) => ids.includes(decision_id)).map(asRow);
      case "mails heard of":
        return ids.filter((id) => heardOf.has(id)).map((decision_id) => ({ decision_id }));
      case "whom the mails are for":
        return ids.map((id) => ({
          user_id_hash: id,
          person_id: id,
          other_ids: options.otherIds?.[id] ?? [],
          has_activation_consent: true,
          suppressions: [],
          is_eligible: true,
          eligibility_reasons: [],
          has_identity_conflict: false,
          region: "de",
          time_zone: "UTC",
          segments: [],
          recent_sends: [],
          topic_clicks: [],
          features_version: "t",
          as_of_at: new Date(begin - 3_600_000).toISOString(),
        }));
      case "heard: events":
        return [...left].map((user_id_hash) => ({
          user_id_hash,
          event_type: "unsubscribe",
          provenance: null,
          consent: null,
          bounce_class: null,
          method: null,
          list_id: null,
          feedback_type: null,
          said_at: new Date(begin).toISOString(),
          received_at: new Date(begin).toISOString(),
        }));
      case "mails that went out":
        return out.filter((row) => ids.includes(String(row["user_id_hash"])));
      case "what calls mails off": {
        const types = params["types"] as readonly string[];
        const [since, now] = [params["since"], params["now"]].map((at) => (at as Date).getTime());
        return acts
          .filter((act) => ids.includes(act.user_id_hash) && types.includes(act.event_type))
          .filter(({ at }) => at >= since! && at <= now!)
          .map(({ user_id_hash, event_type, at }) => ({
            user_id_hash,
            event_type,
            happened_at: new Date(at).toISOString(),
          }));
      }
      default:
        return [];
    }
  };
  const warehouse = {
    query: async (
      _sql: string,
      options?: { readonly file?: string; readonly params?: Readonly<Record<string, unknown>> },
    ) => {
      const rows = answer(options?.file ?? "", options?.params ?? {});
      const limit = /limit (\d+)$/.exec(_sql)?.[1];
      return { rows: limit === undefined ? rows : rows.slice(0, Number(limit)) };
    },
    close: async () => {},
  } as unknown as Pick<Warehouse, "query" | "close">;
  return {
    warehouse,
    leave: (person: number) => void left.add(personId(person)),
    act: (user_id_hash: string, event_type: string, at: number) => void acts.push({ user_id_hash, event_type, at }),
    hear: (decisionId: string) => void heardOf.add(decisionId),
    wentOut: (row: Row) => void out.push(row),
  };
}

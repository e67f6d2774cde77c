import type { Model } from "../scoring/model.ts";
import type { Row, Warehouse } from "../warehouse/warehouse.ts";
import type { Judge } from "./judge.ts";

/** A customer as a policy sees one: the features that are known now, by name. */
export interface Visible {
  readonly userId: string;
  readonly features: Row;
}

/** A mean of NUMERICs is the same in whatever order the rows come; of FLOAT64s it is not. */
const mean = (column: string): string => `cast(avg(cast(${column} as numeric)) as float64) as ${column}`;

/**
 * Everybody with features now who may be sent marketing mail, for mail about nothing in particular: what is known of the customer, and of the last week's deliverability at
 * the customer's mailbox provider. Ordered, so that the same tables give the same decisions.
 */
export async function visibleCustomers(warehouse: Pick<Warehouse, "query">, asOf: Date): Promise<readonly Visible[]> {
  const { rows } = await warehouse.query(
    `with week as (
  select * from features.message_features where sent_at >= timestamp_sub(@as_of, interval 7 day) and sent_at < @as_of
),
providers as (
  select
    isp,
    ${["isp_bounce_rate_30d", "isp_complaint_rate_30d", "domain_bounce_rate_30d", "seed_inbox_rate_14d"].map(mean).join(",\n    ")}
  from week
  group by isp
),
sender as (
  select ${mean("sender_complaint_rate_30d")}, ${mean("subject_length")} from week
)
select customers.*, providers.* except (isp), sender.sender_complaint_rate_30d, sender.subject_length
from features.customer_features as customers
-- whoever has no profile was heard of, but never signed up: there is nobody to decide for
join staging.stg_raw__profiles as profiles on customers.user_id_hash = profiles.user_id_hash
join governance.recipient_eligibility as eligibility
  on customers.user_id_hash = eligibility.user_id_hash
  and eligibility.channel = 'email'
  and eligibility.campaign_kind = 'bulk'
  and eligibility.is_eligible
left join providers on customers.isp = providers.isp
cross join sender
order by customers.user_id_hash`,
    { params: { as_of: asOf }, file: "visible customers" },
  );
  return rows.map((features) => ({ userId: String(features["user_id_hash"]), features }));
}

/** The occasion that the canary's mail goes out on; the same for both policies. */
const occasion: Row = { sent_hour: 10n, sent_weekday: "tue", campaign_kind: "bulk" };

const number = (value: unknown): number => (value === null || value === undefined ? Number.NaN : Number(value));
const text = (value: unknown): string => (value === null || value === undefined ? "" : String(value));

export interface Decided {
  readonly userId: string;
  /** A variant, or `suppress`. */
  readonly variant: string;
}

/** What each model decides for the same customers, worked out once. */
export class Policies {
  readonly #judge: Judge;
  readonly #customers: readonly Visible[];
  readonly #decided = new Map<string, Promise<readonly Decided[]>>();

  constructor(judge: Judge, customers: readonly Visible[]) {
    this.#judge = judge;
    this.#customers = customers;
  }

  of(model: Model): Promise<readonly Decided[]> {
    const known = this.#decided.get(model.digest) ?? this.#decide(model);
    this.#decided.set(model.digest, known);
    return known;
  }

  async #decide(model: Model): Promise<readonly Decided[]> {
    const customers = this.#customers;
    const columns = Object.fromEntries(
      model.record.lineage.features.list.map(({ name, type }) => {
        const values = customers.map(({ features }) => features[name] ?? occasion[name]);
        return [name, type === "number" ? Float64Array.from(values, number) : values.map(text)];
      }),
    );
    const variants = await this.#judge.decide(model, columns, customers.length);
    return customers.map(({ userId }, i) => ({ userId, variant: variants[i] ?? "suppress" }));
  }
}

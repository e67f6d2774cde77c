import features from "../../../includes/features.js";
import type { PlainWarehouse } from "./plain-duckdb.ts";

/**
 * Fills training.examples with seeded rows: `rows` sends over 60 days of 2026. Clicks follow click_rate_90d, complaints follow
 * days_since_last_open and variant "pushy", conversions follow clicks; the other features are noise.
 */
export async function fillExamples(warehouse: PlainWarehouse, rows: number, seed = 1): Promise<void> {
  const uniform = (salt: string) => `(hash('${seed}:${salt}:' || i) % 1000003) / 1000003.0`;
  const category: Readonly<Record<string, string>> = {
    isp: `['gmail', 'outlook', 'yahoo', 'other'][1 + cast(floor(${uniform("isp")} * 4) as int)]`,
    region: `['eu', 'us', 'apac'][1 + cast(floor(${uniform("region")} * 3) as int)]`,
    variant: `['control', 'plain', 'pushy'][1 + cast(floor(${uniform("variant")} * 3) as int)]`,
  };
  const number = (name: string): string => {
    if (name === "days_since_last_open")
      return `case when ${uniform(name)} < 0.2 then null else ${uniform("dslo")} * 60 end`;
    if (name.includes("rate")) return `${uniform(name)} * 0.4`;
    return `cast(floor(${uniform(name)} * 9) as bigint)`;
  };
  // Categories that have all their values written down take one of them.
  const closed = features.closed as Readonly<Record<string, readonly string[]>>;
  const columns = features.list.map((f: { name: string; type: string }) =>
    f.type === "number"
      ? `${number(f.name)} as ${f.name}`
      : `${category[f.name] ?? `'${closed[f.name]?.[0] ?? "a"}'`} as ${f.name}`,
  );
  const pComplain = "0.01 + 0.04 * (variant = 'pushy')::int + 0.03 * (coalesce(days_since_last_open, 60) > 40)::int";
  await warehouse.run("create schema if not exists training");
  await warehouse.run(`create or replace table training.examples as
    with base as (
      select i, 'm' || lpad(i::varchar, 8, '0') as message_id, 'sha256:' || md5('u' || i % 5000) as user_id_hash,
        'c' || i % 12 as campaign_id, timestamp '2026-01-01' + to_seconds(cast(i * (5184000.0 / ${rows}) as bigint)) as sent_at,
        ${columns.join(",\n        ")}
      from range(${rows}) r(i)
    ),
    drawn as (
      select *, date_trunc('day', sent_at)::date as sent_date,
        ${uniform("click")} < 0.02 + click_rate_90d * (1 + 0.5 * (variant = 'pushy')::int) as did_click,
        ${uniform("complaint")} < ${pComplain} as did_complain,
        ${uniform("unsubscribe")} < 0.02 + 0.02 * (variant = 'pushy')::int as did_unsubscribe
      from base
    )
    select * exclude (i), did_click and ${uniform("convert")} < 0.6 as did_convert,
      case when did_click and ${uniform("convert")} < 0.6 then 20 + 60 * ${uniform("revenue")} else 0.0 end as revenue,
      case when did_complain then 'complaint' when did_click then 'click' else 'no_engagement' end as label,
      i % 50 <> 0 as is_mature, i % 20 <> 1 as has_training_consent, isp || '/' || region as stratum
    from drawn`);
}

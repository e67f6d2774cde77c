-- What came of mails by mailbox provider, for people outside: `inboxloop query --audience partners --file governance/figures/rates_by_isp.sql`.
-- Of a person at most 20 mails at each of 2 providers count, and 5 clicks. The rates are of noisy counts: those of small groups are rough.
select with differential_privacy
  options (epsilon = 1, delta = 1e-6, privacy_unit_column = person_id, max_groups_contributed = 2)
  isp,
  count(*, contribution_bounds_per_group => (0, 20)) as sent,
  round(safe_divide(count(first_click_at, contribution_bounds_per_group => (0, 5)), count(*, contribution_bounds_per_group => (0, 20))), 4) as click_rate,
  round(safe_divide(count(unsubscribed_at, contribution_bounds_per_group => (0, 1)), count(*, contribution_bounds_per_group => (0, 20))), 4) as unsubscribe_rate,
  round(safe_divide(count(complained_at, contribution_bounds_per_group => (0, 1)), count(*, contribution_bounds_per_group => (0, 20))), 4) as complaint_rate
from events.messages
where is_mature and delivered_at is not null and person_id is not null
group by isp
order by isp

-- takes back what was written about the days before on the same day: of two changes on one day the last one is kept
with taken_back as (
    delete from costpulse.known_costs as k
    where k.usage_date = any(%(days)s::date[]) and k.known_from = %(known_from)s::date
)

update costpulse.known_costs
set known_to = null
where usage_date = any(%(days)s::date[]) and known_to = %(known_from)s::date

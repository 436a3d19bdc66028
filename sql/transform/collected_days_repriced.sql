-- the days that are about to get new money
update costpulse.collected_days
set
    reprice_reason = null,
    changed_at = clock_timestamp()
where source = %(source)s and usage_date between %(from_date)s and %(to_date)s

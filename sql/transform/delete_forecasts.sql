-- The days of issues from before a day; their scores and landings stay
delete from costpulse.forecasts
where data_until < %(kept_since)s

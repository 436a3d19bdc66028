-- Messages that say that a report is ready, or that it could not be made.

alter table costpulse.alert_outbox
drop constraint alert_outbox_purpose_check,
add constraint alert_outbox_purpose_check check (purpose in ('finding', 'bundle', 'test', 'report'));

comment on column costpulse.alert_outbox.dedup_key is 'Finding, report or test and channel, or bundle: never twice.';
comment on column costpulse.alert_outbox.history_id is 'The finding. NULL: a bundle, a test, or of a report.';
comment on column costpulse.alert_outbox.purpose is
'finding; bundle: one message for many that waited while the channel was down; test: asked for by a person; '
'report: one is ready or failed.';

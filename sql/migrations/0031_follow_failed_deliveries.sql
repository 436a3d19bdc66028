-- Since when a message fails, and until when its channel is left alone.

alter table costpulse.alert_outbox
add column failing_since timestamptz,
add column wait_until timestamptz;

comment on column costpulse.alert_outbox.failing_since is
'First of the tries that failed without another answer between them; three days later it is given up. NULL: none did.';
comment on column costpulse.alert_outbox.wait_until is
'Until then nothing is sent to this channel: it asked for that, or did not say whether this message arrived.';

create index alert_outbox_wait on costpulse.alert_outbox (channel, wait_until) where wait_until is not null;
create index alert_outbox_credential on costpulse.alert_outbox (channel) where credential is not null;

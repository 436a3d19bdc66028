-- the key of a purpose, unless another process has made one meanwhile
insert into costpulse.signing_keys (purpose, key)
values (%(purpose)s, %(key)s)
on conflict (purpose) do nothing

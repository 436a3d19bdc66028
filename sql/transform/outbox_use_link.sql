-- one row where the link was not used before
insert into costpulse.used_links (digest, used_by)
values (%(digest)s, %(actor)s)
on conflict (digest) do nothing
returning digest

-- keeps a view for the actor; no row where they have one of this name on the page
insert into costpulse.saved_views (slug, name, page, query, owner, is_shared)
values (%(slug)s, %(name)s, %(page)s, %(query)s, current_setting('costpulse.actor'), %(is_shared)s)
on conflict (owner, page, lower(name)) do nothing
returning slug

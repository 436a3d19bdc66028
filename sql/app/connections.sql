-- one row per connection that bills were ever read over
select distinct s.connection
from costpulse.collection_status as s
where s.succeeded_at is not null

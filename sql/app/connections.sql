-- one row per connection that was ever read
select distinct s.connection
from costpulse.collection_status as s

-- scope x part: what bridged says of the scopes it was made for
select
    b.scope_type,
    b.scope_id,
    b.part,
    b.amount_usd,
    b.then_usd,
    b.now_usd,
    b.detail
from bridged as b

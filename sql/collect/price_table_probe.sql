-- one row if the price table can be read and holds prices in our currency, none otherwise
select p.currency_code
from system.billing.list_prices as p
where p.currency_code = :currency
limit 1

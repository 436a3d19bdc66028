-- one row: that the warehouse answers, who we are to it, and its time
select
    current_user() as principal,
    now() as clock

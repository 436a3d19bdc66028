-- one row per refused row of the source
insert into costpulse.rejected_rows (source, usage_date, reason, record_count, usage_quantity, row_content)
values (
    %(source)s, %(usage_date)s, %(reason)s, %(record_count)s, %(usage_quantity)s, %(row_content)s
)

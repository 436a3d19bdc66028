-- what was refused of the days when they were last collected
delete from costpulse.rejected_rows
where source = %(source)s and usage_date between %(from_date)s and %(to_date)s

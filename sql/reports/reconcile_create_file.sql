-- billed month x month of usage x SKU x workspace x currency, as the file has them
create temporary table reconcile_file (
    month date not null,
    usage_month date not null,
    sku_name text,
    workspace text,
    currency text not null,
    row_count bigint not null,
    quantity numeric,
    amount numeric,
    list_amount numeric,
    first_day date not null,
    last_day date not null,
    ingested_on date
) on commit drop

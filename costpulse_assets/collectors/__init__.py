"""From the source's system tables to our tables: one file per source, one statement in `sql/collect/`."""

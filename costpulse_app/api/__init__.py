"""The read-only JSON API: routers by subject over the statements of the pages, so that page and API never differ."""

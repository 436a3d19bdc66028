"""The pages about clusters and SQL warehouses: what they cost, and how much of it stood idle."""

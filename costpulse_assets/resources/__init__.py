"""The outside world: the source (Databricks or the demo account), the database, the SQL files."""

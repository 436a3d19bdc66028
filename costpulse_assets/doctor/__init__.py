"""What `costpulse doctor` looks at: settings, database, connections, system tables, ways out for alerts.

Nothing here writes, except that the embedded database is started and stopped as every command does.
"""

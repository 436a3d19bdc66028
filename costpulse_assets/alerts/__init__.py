"""Alerts: what is watched, what was found, whom it was told, and whether it arrived."""

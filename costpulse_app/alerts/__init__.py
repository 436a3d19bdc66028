"""The page Alerts: what is watched, who is told, whether it arrived, and the forms to change it."""

"""The Overview: figures, what needs attention, what changed; the page of a team has the same panels."""

"""From allocations to the roll-ups that the pages read, and how complete each day is."""

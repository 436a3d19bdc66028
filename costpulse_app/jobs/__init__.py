"""Parts of the pages Jobs and Job."""

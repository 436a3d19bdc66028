"""Reports people can hand on: what they say (report_types), the files made of it (formats), and how they get there."""

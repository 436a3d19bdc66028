"""Every dollar to a team or to Unallocated, exactly."""

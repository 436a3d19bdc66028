"""The page Data health: how the numbers came about, how far they hold, and the runs that people start themselves."""

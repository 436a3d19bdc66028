"""The parts of the page Teams & allocation: one module for each tab, and what they share."""

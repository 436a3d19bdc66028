"""Remarks on usage days: how they are drawn, listed and written."""

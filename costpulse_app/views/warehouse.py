"""Warehouse."""

from costpulse_app import filters, parts


def show() -> None:
    """Draw the page."""
    made = parts.frame()
    parts.title("Warehouse", "What does this warehouse cost, and who uses it?", made)
    filters.close_session(made.filters, None, {})


if __name__ == "__main__":
    show()

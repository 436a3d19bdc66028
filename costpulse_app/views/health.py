"""Data health."""

from costpulse_app import filters, parts


def show() -> None:
    """Draw the page."""
    made = parts.frame()
    parts.title("Data health", "Can I trust the numbers, and up to which day?", made)
    filters.close_session(made.filters, None, {})


if __name__ == "__main__":
    show()

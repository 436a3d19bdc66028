"""Settings & audit."""

from costpulse_app import filters, parts


def show() -> None:
    """Draw the page."""
    made = parts.frame()
    parts.title("Settings & audit", "How is it set, and who changed what?", made)
    filters.close_session(made.filters, None, {})


if __name__ == "__main__":
    show()

"""Team."""

from costpulse_app import filters, parts


def show() -> None:
    """Draw the page."""
    made = parts.frame()
    parts.title("Team", "What does this team spend, and why?", made)
    filters.close_session(made.filters, None, {})


if __name__ == "__main__":
    show()

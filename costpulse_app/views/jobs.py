"""Jobs."""

from costpulse_app import filters, parts


def show() -> None:
    """Draw the page."""
    made = parts.frame()
    parts.title("Jobs", "What does a job run cost, which fail expensively, which got dearer?", made)
    filters.close_session(made.filters, None, {})


if __name__ == "__main__":
    show()

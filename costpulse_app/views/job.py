"""Job."""

from costpulse_app import filters, parts


def show() -> None:
    """Draw the page."""
    made = parts.frame()
    parts.title("Job", "What does a run of this job cost?", made)
    filters.close_session(made.filters, None, {})


if __name__ == "__main__":
    show()

"""Cluster."""

from costpulse_app import filters, parts


def show() -> None:
    """Draw the page."""
    made = parts.frame()
    parts.title("Cluster", "What does this cluster cost, and is it used?", made)
    filters.close_session(made.filters, None, {})


if __name__ == "__main__":
    show()

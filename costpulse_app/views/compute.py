"""Clusters & warehouses."""

from costpulse_app import filters, parts


def show() -> None:
    """Draw the page."""
    made = parts.frame()
    parts.title("Clusters & warehouses", "Which machines cost most, and which stand idle?", made)
    filters.close_session(made.filters, None, {})


if __name__ == "__main__":
    show()

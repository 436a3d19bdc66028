"""Warehouse: what one warehouse costs, and how well it is used."""

from costpulse_app.compute import detail


def show() -> None:
    """Draw the page."""
    detail.page("warehouse", "Warehouse", "What does this warehouse cost, and is it used?")


if __name__ == "__main__":
    show()

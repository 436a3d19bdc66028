"""Cluster: what one cluster costs, and how well it is used."""

from costpulse_app.compute import detail


def show() -> None:
    """Draw the page."""
    detail.page("cluster", "Cluster", "What does this cluster cost, and is it used?")


if __name__ == "__main__":
    show()

"""Makes the pictures of the documentation from a running app: python -m tests.e2e.screenshots."""

import argparse
from pathlib import Path

from tests.e2e.browser import chromium, open_page, whole_page

# file name, address, heading, colour scheme, width
PICTURES = (
    ("overview", "/", "Overview", "light", 1440),
    ("overview-dark", "/", "Overview", "dark", 1440),
    ("overview-narrow", "/", "Overview", "light", 420),
    ("explorer", "/explorer", "Cost explorer", "light", 1440),
    ("explorer-jobs-dark", "/explorer?by=job&product=JOBS&range=90d&bin=week", "Cost explorer", "dark", 1440),
    ("explorer-tags", "/explorer?by=tag&key=team&range=90d&bin=week&top=15", "Cost explorer", "light", 1440),
    ("anomalies", "/anomalies", "Anomalies", "light", 1440),
    ("forecast", "/forecast", "Forecast & budgets", "light", 1440),
    ("budgets-dark", "/forecast?tab=budgets", "Forecast & budgets", "dark", 1440),
    ("recommendations", "/recommendations", "Recommendations", "light", 1440),
    ("alerts", "/alerts", "Alerts", "light", 1440),
    ("alerts-history-dark", "/alerts?tab=history", "Alerts", "dark", 1440),
    ("reports", "/reports", "Reports", "light", 1440),
    ("reports-dark", "/reports", "Reports", "dark", 1440),
    ("compute", "/compute", "Clusters & warehouses", "light", 1440),
    ("compute-dark", "/compute?range=90d", "Clusters & warehouses", "dark", 1440),
    ("jobs", "/jobs", "Jobs", "light", 1440),
    ("health", "/health", "Data health", "light", 1440),
    ("health-dark", "/health", "Data health", "dark", 1440),
    ("settings-audit", "/settings?tab=audit", "Settings & audit", "light", 1440),
    ("allocation", "/allocation", "Teams & allocation", "light", 1440),
    ("allocation-rules-dark", "/allocation?tab=rules", "Teams & allocation", "dark", 1440),
    ("tags", "/tags", "Tag compliance", "light", 1440),
    ("tags-dark", "/tags", "Tag compliance", "dark", 1440),
)


def main() -> None:
    """Write one PNG per picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/images"), help="folder of the pictures")
    parser.add_argument("--app-url", default="http://127.0.0.1:8501", help="address of the running app")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        for name, path, heading, scheme, width in PICTURES:
            context = browser.new_context(
                color_scheme="dark" if scheme == "dark" else "light", viewport={"width": width, "height": 1000}
            )
            page = context.new_page()
            open_page(page, arguments.app_url.rstrip("/") + path, heading)
            whole_page(page)
            # Figures and table grow with the window in an animation of their own.
            page.wait_for_timeout(700)
            page.screenshot(path=arguments.out / f"{name}.png")
            context.close()


if __name__ == "__main__":
    main()

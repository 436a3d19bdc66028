"""The pages and their order in the menu."""

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from costpulse_assets.people import Person


def pages(person: Person) -> dict[str, list[StreamlitPage]]:
    """Sections of the menu with their pages; the help line says which question a page answers."""
    return {
        "Spend": [
            st.Page(
                "views/overview.py",
                title="Overview",
                icon=":material/dashboard:",
                default=True,
                help="What we spend, and what changed",
            ),
            st.Page(
                "views/explorer.py",
                title="Cost explorer",
                url_path="explorer",
                icon=":material/query_stats:",
                help="Where the money went, by anything",
            ),
            st.Page(
                "views/anomalies.py",
                title="Anomalies",
                url_path="anomalies",
                icon=":material/notification_important:",
                help="What was not normal, why, and is it handled",
            ),
            st.Page(
                "views/forecast.py",
                title="Forecast & budgets",
                url_path="forecast",
                icon=":material/trending_up:",
                help="Where we will land, and which budgets break",
            ),
        ],
        "Ownership": [
            st.Page(
                "views/allocation.py",
                title="Teams & allocation",
                url_path="allocation",
                icon=":material/groups:",
                help="Who pays for what, and why",
            ),
            st.Page(
                "views/tags.py",
                title="Tag compliance",
                url_path="tags",
                icon=":material/sell:",
                help="How much money carries the tags we require, and who has to fix what",
            ),
        ],
        "Act": [
            st.Page(
                "views/recommendations.py",
                title="Recommendations",
                url_path="recommendations",
                icon=":material/savings:",
                help="What to change, what it is worth, and did it work",
            ),
            st.Page(
                "views/alerts.py",
                title="Alerts",
                url_path="alerts",
                icon=":material/notifications:",
                help="What is watched, who is told, and did it arrive",
            ),
            st.Page(
                "views/reports.py",
                title="Reports",
                url_path="reports",
                icon=":material/description:",
                help="Which numbers to hand on, on paper or as a file",
            ),
        ],
    }

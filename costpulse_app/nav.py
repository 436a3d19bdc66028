"""The pages and their order in the menu; those that a link opens with an id are not in it."""

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from costpulse_assets.people import Person


def pages(person: Person) -> list[StreamlitPage]:
    """From what is spent to how it is run; the help line says which question a page answers.

    Without sections: Streamlit would put those into the list of links in a way that screen readers read wrong.
    """
    return [
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
        st.Page(
            "views/compute.py",
            title="Clusters & warehouses",
            url_path="compute",
            icon=":material/memory:",
            help="Which machines cost most, and which stand idle",
        ),
        st.Page(
            "views/jobs.py",
            title="Jobs",
            url_path="jobs",
            icon=":material/schedule:",
            help="What a job run costs, which fail expensively, which got dearer",
        ),
        st.Page("views/cluster.py", title="Cluster", url_path="cluster", visibility="hidden"),
        st.Page("views/warehouse.py", title="Warehouse", url_path="warehouse", visibility="hidden"),
        st.Page("views/job.py", title="Job", url_path="job", visibility="hidden"),
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
        st.Page("views/team.py", title="Team", url_path="team", visibility="hidden"),
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
        st.Page(
            "views/health.py",
            title="Data health",
            url_path="health",
            icon=":material/monitor_heart:",
            help="Can I trust the numbers, and up to which day",
        ),
        st.Page(
            "views/settings.py",
            title="Settings & audit",
            url_path="settings",
            icon=":material/settings:",
            help="How it is set, and who changed what",
            # Whoever opens its address without the right is told so by the page.
            visibility="visible" if person.may("see the audit log") else "hidden",
        ),
    ]

"""Entry of every rerun: who it is for, the menu, the filter bar, the badge, then the page."""

from pathlib import Path

import streamlit as st

from costpulse_app import filters, nav, parts, people
from costpulse_app.health import first_steps
from costpulse_assets.errors import CostPulseError

# A file, not an icon name: the browser would ask a font host for that.
st.set_page_config(
    page_title="CostPulse", page_icon=str(Path(__file__).parent / "static" / "favicon.png"), layout="wide"
)
# Where a colour of Streamlit's own cannot be read.
st.html(Path(__file__).parent / "static" / "contrast.css")
st.logo(str(Path(__file__).parent / "static" / "logo.svg"), size="large")
if not people.is_signed_in():
    parts.sign_in_first()
    st.stop()

try:
    person = people.sign_in()
except CostPulseError as error:
    # The menu as well depends on who looks.
    parts.database_problem(error)
    st.stop()
if person is None:
    parts.no_access()
    st.stop()

page = st.navigation(nav.pages(person), expanded=True)
parts.signed_in_as(person)
try:
    filters.open_session(page.url_path)
    parts.follow()
    frame = parts.read_frame()
except CostPulseError as error:
    parts.database_problem(error)
    st.stop()
if frame is None:
    first_steps.show() if page.url_path == "health" else parts.first_start()
    st.stop()

page.run()

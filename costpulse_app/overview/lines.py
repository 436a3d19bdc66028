"""A sentence that opens a page."""

import streamlit as st

from costpulse_app import filters, formats, parts


def draw(key: str, words: str, icon: str, page: str, query: filters.Query) -> None:
    """Draw it; a button, because links on pages are cut off instead of wrapped.

    Args:
        key: of the element.
        words: the sentence.
        icon: before it.
        page: the file of the page.
        query: its parameters; without any, the filters stay.
    """
    st.button(
        formats.plain(words),
        key=key,
        type="tertiary",
        icon=icon,
        wrap=True,
        on_click=parts.open_page,
        args=[page, query],
    )

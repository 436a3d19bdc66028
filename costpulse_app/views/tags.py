"""Tag compliance: how much money carries the tags that are required, and who has to fix what."""

from dataclasses import replace

import streamlit as st

from costpulse_app import filters, formats, parts
from costpulse_app.parts import Frame
from costpulse_app.tags import headline, listing, policies, reads
from costpulse_app.tags.reads import State, Where
from costpulse_assets.costs.spend import DIMENSIONS


def show() -> None:
    """Draw the page."""
    whole = parts.frame()
    listing.take_of_url()
    # Tags are judged by what cost is for the customer.
    made = replace(whole, filters=replace(whole.filters, basis="price"))
    parts.title("Tag compliance", "How much money carries the tags we require, and who has to fix what?", made)
    st.caption(_what_applies(whole))
    said = st.session_state.pop("said", None)
    if said:
        st.success(formats.plain(said), icon=":material/check:")
    with parts.panel("tags"):
        known = reads.state()
        version = reads.version(made.version, known)
        required = reads.policies(version)
        now, where = headline.window(made), Where.of(made.selection)
        _notes(made, known)
        policies.dialogs(made, version)
        if not any(policy.document.required for policy in required):
            st.info(
                "No tag is required, so nothing is judged. Below are the keys that the cost of the last 30 final days "
                "carries: require one of them, or write a policy of your own.",
                icon=":material/sell:",
            )
            policies.show(made, version, required, [])
        elif now is None or known.judged_to is None:
            st.info(
                "Nothing has been judged yet: every run judges the days whose cost is new, and the score is about "
                "final days.",
                icon=":material/hourglass_top:",
            )
            policies.show(made, version, required, [])
        else:
            headline.show(made, version, now, where, required)
            with parts.panel("tag_violations"):
                listing.show(made, version, where)
            policies.show(made, version, required, reads.keys(version, now, where))
    filters.close_session(whole.filters, None, listing.keep())


def _what_applies(whole: Frame) -> str:
    said = "The last 30 final days against the 30 before, whatever the period."
    ignored = [
        *(DIMENSIONS[name].label for name, _ in whole.selection.only if name not in ("workspace", "team")),
        *(["tag"] if whole.selection.tags else []),
        *(["list price"] if whole.filters.basis == "list" else []),
    ]
    if not ignored:
        return said
    listed = " and ".join(filter(None, [", ".join(ignored[:-1]), ignored[-1]]))
    return f"{said} {listed[:1].upper()}{listed[1:]} {'do' if len(ignored) > 1 else 'does'} not apply here."


def _notes(made: Frame, known: State) -> None:
    """What makes the figures other than they will be."""
    if known.judged_to is not None and known.days_waiting:
        st.caption(
            f":material/hourglass_top: {formats.count(known.days_waiting, 'day')} will be judged again by the next "
            "run: a policy or a tag that cost inherits has changed."
        )
    if parts.is_stale(made) and made.last_final is not None:
        st.warning(f"Score as of {formats.day(made.last_final)}.", icon=":material/schedule:")


if __name__ == "__main__":
    show()

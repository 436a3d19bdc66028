"""What each type of alert says fits every channel."""

import pytest

from costpulse_assets.alerts.alert_types import ALERT_TYPES
from costpulse_assets.alerts.channels.email_body import html_body, text_body
from costpulse_assets.alerts.channels.slack_blocks import blocks, plain_text
from costpulse_assets.alerts.channels.text import printable
from tests.alerts.block_schema import calls, faults, texts
from tests.alerts.examples import example, example_message
from tests.alerts.messages import LINKS


@pytest.mark.parametrize("name", ALERT_TYPES)
def test_an_example_has_the_evidence_that_the_type_declares(name: str) -> None:
    assert example(name).evidence.keys() == ALERT_TYPES[name].evidence.keys()


@pytest.mark.parametrize("name", ALERT_TYPES)
def test_a_message_is_shown_whole_by_every_channel(name: str) -> None:
    said = example_message(name)
    message = printable(said)
    assert message == said.model_copy(update={"series": message.series})
    made = blocks(message, LINKS)
    assert faults(made) == []
    assert calls(made) == []
    shown = "\n".join(text["text"] for text in texts(made))
    for text in (shown, plain_text(message, LINKS), text_body(message, LINKS), html_body(message, LINKS)):
        assert "…" not in text
    for figure in message.figures:
        assert figure.text in shown

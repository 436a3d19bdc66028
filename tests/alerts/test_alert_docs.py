"""The page about alerts is what the declarations say, and names everything a reader needs."""

import json
import re
from pathlib import Path

import pytest

from costpulse_assets.alerts.alert_docs import documentation
from costpulse_assets.alerts.alert_types import ALERT_TYPES, AlertType
from costpulse_assets.alerts.channels.webhook import SIGNATURE_HEADER, TIMESTAMP_HEADER, Payload, signature
from costpulse_assets.allocation.alert_routes import AlertRouteDocument
from costpulse_assets.allocation.text_files import read_yaml
from costpulse_assets.markdown import anchor
from tests.e2e.message_pictures import MAILS

PAGE = Path(__file__).parents[2] / "docs" / "alerts.md"
TYPES = pytest.mark.parametrize("kind", ALERT_TYPES.values(), ids=lambda kind: kind.name)


def test_the_page_about_alerts_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == documentation(), (
        "run python -m costpulse_assets.alerts.alert_docs > docs/alerts.md"
    )


@TYPES
def test_every_type_has_what_it_tells_when_and_its_picture_on_the_page(kind: AlertType) -> None:
    (section,) = re.findall(rf"^## {re.escape(kind.title)}\n(.*?)(?=^## |\Z)", documentation(), re.M | re.S)
    words = " ".join(section.split())
    for text in (kind.fires, kind.silent, kind.once, kind.no_dry_run):
        assert " ".join(text.split()) in words
    for name in (*kind.evidence, *(f"options.{option}" for option in kind.options.model_fields)):
        assert f"`{name}`" in words
    assert ("`threshold_value`" in words) == (kind.threshold is not None)
    for picture in (f"alert-{kind.name}", *((f"alert-{kind.name}-mail",) if kind.name in MAILS else ())):
        assert f"(images/{picture}.png)" in section
        assert (PAGE.parent / "images" / f"{picture}.png").exists()


def test_the_example_of_the_webhook_is_a_body_that_is_sent() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", documentation(), re.S)
    assert json.loads(example).keys() == Payload.model_fields.keys()
    assert Payload.model_validate_json(example).title in example


def test_the_receiver_on_the_page_knows_a_signature_from_a_forgery(monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", documentation(), re.S)
    receiver: dict[str, object] = {}
    exec(code, receiver)
    monkeypatch.setattr("time.time", lambda: 1_700_000_100.0)
    body, secret = b'{"version": 1}', "a secret of sixteen"
    genuine = {TIMESTAMP_HEADER: "1700000000", SIGNATURE_HEADER: f"sha256={signature(secret, '1700000000', body)}"}
    check = receiver["is_genuine"]
    assert callable(check)
    assert check(genuine, body, secret)
    assert not check(genuine, body + b" ", secret)
    assert not check(genuine, body, "another secret of sixteen")
    assert not check(genuine | {TIMESTAMP_HEADER: "1700000001"}, body, secret)
    monkeypatch.setattr("time.time", lambda: 1_700_000_400.0)
    assert not check(genuine, body, secret)


def test_the_routes_on_the_page_are_routes() -> None:
    (yaml,) = re.findall(r"```yaml\n(.*?)```", documentation(), re.S)
    routes = read_yaml(yaml.encode(), "alerts.md").value["alert_routes"]
    assert len([AlertRouteDocument.model_validate(route) for route in routes]) == 4


def test_links_within_the_page_lead_to_a_heading() -> None:
    page = documentation()
    headings = {anchor(heading) for heading in re.findall(r"^#+ (.+)$", page, re.M)}
    links = set(re.findall(r"\]\(#([^)]+)\)", page))
    assert links
    assert links <= headings

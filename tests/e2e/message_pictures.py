"""Makes the pictures of messages in the documentation: python -m tests.e2e.message_pictures.

Mails are shown as they are; blocks of Slack as HTML that looks about as Slack does.
"""

import argparse
import re
from html import escape
from pathlib import Path
from typing import Any

from costpulse_assets.alerts.alert_types import ALERT_TYPES
from costpulse_assets.alerts.channels import MessageLinks
from costpulse_assets.alerts.channels.email_body import html_body
from costpulse_assets.alerts.channels.slack_blocks import blocks
from costpulse_assets.alerts.channels.text import printable
from tests.alerts.examples import example_message
from tests.e2e.browser import chromium

#: Types whose message is shown as a mail, too.
MAILS = ("budget_threshold", "digest")

_APP = "http://127.0.0.1:8501"
_STYLE = """
body { margin: 0; padding: 16px; width: 620px; color: #1d1c1d;
  font: 15px/1.46 Lato, "Segoe UI", Roboto, Arial, sans-serif }
.message { display: flex; gap: 10px } .message > div:last-child { flex: 1; min-width: 0 }
.picture { width: 36px; height: 36px; border-radius: 6px; background: #0f172a; color: #fff; text-align: center;
  font: 700 15px/36px Arial, sans-serif; flex: none }
.app { background: #e8e8e8; border-radius: 2px; font-size: 10px; padding: 1px 4px; margin-left: 4px; color: #616061 }
h1 { font-size: 18px; line-height: 1.33; margin: 4px 0 8px } p { margin: 8px 0; white-space: pre-line }
.fields { display: grid; grid-template-columns: 1fr 1fr; gap: 8px 12px; margin: 8px 0 } .fields p { margin: 0 }
pre { background: #f8f8f8; border: 1px solid #ddd; border-radius: 4px; padding: 8px; margin: 8px 0;
  font: 12px/1.5 "DejaVu Sans Mono", monospace; white-space: pre-wrap }
.context { font-size: 13px; color: #616061 } .mention { background: #e8f5fa; color: #1264a3; border-radius: 3px }
.mark { display: inline-block; width: 14px; height: 14px; border-radius: 7px; margin-right: 4px }
.actions { display: flex; gap: 8px; margin: 8px 0 }
.actions a { border: 1px solid #bbb; border-radius: 4px; padding: 5px 12px; font-size: 13px; font-weight: 700;
  color: #1d1c1d; text-decoration: none }
.actions a.primary { background: #007a5a; border-color: #007a5a; color: #fff }
"""


def slack_page(made: list[dict[str, Any]]) -> str:
    """A message of Slack as a page."""
    shown = "".join(_block(block) for block in made)
    return (
        f'<!DOCTYPE html><meta charset="utf-8"><style>{_STYLE}</style><div class="message"><div class="picture">C</div>'
        f'<div><b>CostPulse</b><span class="app">APP</span>{shown}</div></div>'
    )


def links_of(name: str, view: str) -> MessageLinks:
    """As delivery makes them: nobody has to look after a digest."""
    acknowledge = None if name == "digest" else f"{_APP}/alerts?act=acknowledge"
    return MessageLinks(f"{_APP}{view}", acknowledge, f"{_APP}/alerts?act=mute")


def _block(block: dict[str, Any]) -> str:
    match block["type"]:
        case "header":
            return f"<h1>{_text(block['text'])}</h1>"
        case "section" if "fields" in block:
            return f'<div class="fields">{"".join(f"<p>{_text(field)}</p>" for field in block["fields"])}</div>'
        case "section" if block["text"]["text"].startswith("```"):
            return f"<pre>{_text(block['text'])}</pre>"
        case "section":
            return f"<p>{_text(block['text'])}</p>"
        case "context":
            return f'<p class="context">{"<br>".join(_text(each) for each in block["elements"])}</p>'
        case "actions":
            buttons = (
                f'<a class="{each.get("style", "")}" href="{escape(each["url"])}">{_text(each["text"])}</a>'
                for each in block["elements"]
            )
            return f'<div class="actions">{"".join(buttons)}</div>'
    raise ValueError(block["type"])


def _text(text: dict[str, Any]) -> str:
    """Text has entities already; of mrkdwn only what messages use."""
    shown = re.sub("[🔵🟠🔴]", lambda found: _mark(found[0]), str(text["text"]))
    if text["type"] == "plain_text":
        return shown
    shown = re.sub(r"<@(\w+)>", r'<span class="mention">@\1</span>', shown)
    return re.sub(r"\*([^*\n]+)\*", r"<b>\1</b>", shown.strip("`") if shown.startswith("```") else shown)


def _mark(letter: str) -> str:
    """Without a font for such letters there would be a box."""
    colour = {"🔵": "#2f80ed", "🟠": "#f2994a", "🔴": "#eb5757"}[letter]
    return f'<span class="mark" style="background:{colour}"></span>'


def main() -> None:
    """Write one PNG per type of alert and two mails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/images"), help="folder of the pictures")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 652, "height": 400})
        for name in ALERT_TYPES:
            message = printable(example_message(name))
            links = links_of(name, message.view)
            page.set_content(slack_page(blocks(message, links)))
            page.screenshot(path=out / f"alert-{name}.png", full_page=True)
            if name in MAILS:
                page.set_content(html_body(message, links))
                page.screenshot(path=out / f"alert-{name}-mail.png", full_page=True)


if __name__ == "__main__":
    main()

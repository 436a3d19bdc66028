"""How long the script of each page runs on the server, on the demo data."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

import costpulse_app
from costpulse_assets.resources.embedded_postgres import EmbeddedPostgres
from tests.benchmarks import tenfold
from tests.benchmarks.measuring import Bench, Section, environment, forget, medians, seconds

_ENTRY = Path(costpulse_app.__file__).parent / "streamlit_app.py"


def measure(bench: Bench) -> Section:
    """A first run of each page with empty caches, and reruns of it."""
    section = Section(
        "Pages",
        f"One run of the script of a page in the test runner of Streamlit, on {bench.sizes.page_days} days of the demo "
        "account, ten times as large: the first one with empty caches and a new connection, then reruns with nothing "
        "changed.",
    )
    folder = tenfold.account(bench)
    with EmbeddedPostgres(folder) as server, environment(COSTPULSE_DATABASE_URL=server.url("costpulse")):
        for view in sorted(_ENTRY.parent.glob("views/[!_]*.py")):
            test = _run(view)  # imports, and what a process compiles once
            title = test.title[0].value

            def first(view: Path = view) -> float:
                forget()
                return seconds(lambda: _run(view))

            def again(test: AppTest = test) -> float:
                return seconds(test.run)

            (cold,) = medians(bench.sizes.repetitions, first)
            (warm,) = medians(bench.sizes.repetitions, again)
            section.below(f"{title}, first", cold, 1.5, "s")
            section.below(f"{title}, warm", warm, 0.3, "s")
            forget()
    return section


def _run(view: Path) -> AppTest:
    test = AppTest.from_file(str(_ENTRY), default_timeout=60)
    test.switch_page(f"views/{view.name}").run()
    assert not test.exception, test.exception
    return test

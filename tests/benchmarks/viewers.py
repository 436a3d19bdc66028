"""Fifty viewers at once: what each waits for over the real server, against what one alone waits.

A viewer here is a client of Streamlit's own protocol: it opens a session over a web socket, asks for a page and takes
every message until the script has finished. That is what a browser waits for before it draws.
"""

import random
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlencode

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from costpulse_assets.resources.embedded_postgres import EmbeddedPostgres
from tests.benchmarks import tenfold
from tests.benchmarks.api import serving
from tests.benchmarks.measuring import Bench, Section

#: Seconds that a viewer looks at what came before asking for more: from, to.
LOOKING = (5.0, 15.0)
#: Page and query, as somebody who follows the money opens them.
STEPS: Sequence[tuple[str, dict[str, str]]] = (
    ("", {}),
    ("", {"range": "month"}),
    ("explorer", {}),
    ("explorer", {"by": "job", "range": "90d", "bin": "week"}),
    ("explorer", {"by": "workspace", "range": "month"}),
    ("anomalies", {}),
    ("forecast", {}),
    ("allocation", {}),
    ("recommendations", {}),
    ("compute", {}),
    ("jobs", {}),
    ("tags", {}),
    ("health", {}),
)


@dataclass(frozen=True)
class Seen:
    """Seconds until a page was there, and whether it was without an error."""

    page: str
    seconds: float
    failed: bool


def measure(bench: Bench) -> Section:
    """One viewer through all pages, then fifty for a while, then fifty at the same moment."""
    viewers = bench.sizes.viewers
    rounds = 2 * bench.sizes.repetitions
    looking = LOOKING if bench.sizes.repetitions > 1 else (0.1, 0.2)
    section = Section(
        "Viewers",
        f"The app server on {bench.sizes.page_days} days of the demo account, ten times as large, and clients of "
        f"Streamlit's protocol. They open {len(STEPS)} views of {len({page for page, _ in STEPS})} pages: one alone, "
        f"then {viewers} at once, each in an "
        f"order of its own and looking {looking[0]:g} to {looking[1]:g} seconds at what came. Measured is from "
        "the request to the end of the script. Clients, server and database share the machine.",
    )
    folder = tenfold.account(bench)
    with EmbeddedPostgres(folder) as server, serving(server.url("costpulse")) as port:
        visit(port, 0, len(STEPS), (0, 0))
        alone = visit(port, 0, rounds * len(STEPS), (0, 0))
        together = visits(port, viewers, rounds, looking)
        at_once = visits(port, viewers, 1, (0, 0), opening=STEPS[0])
    for each in (alone, together, at_once):
        failed = sorted({seen.page for seen in each if seen.failed})
        assert not failed, f"these failed: {failed}"
    one, many = (p95([seen.seconds for seen in each]) for each in (alone, together))
    section.below(f"{viewers} viewers, p95 of {len(together):,} views", many, 2, "s")
    section.note("their median", f"{statistics.median(seen.seconds for seen in together):.2f} s")
    section.note("one viewer alone, p95", f"{one:.2f} s")
    section.note("together to alone", f"{many / one:.1f}")
    section.note(
        f"{viewers} who open Overview at the same moment, p95", f"{p95([seen.seconds for seen in at_once]):.2f} s"
    )
    return section


def visits(
    port: int,
    viewers: int,
    rounds: int,
    looking: tuple[float, float],
    opening: tuple[str, dict[str, str]] | None = None,
) -> list[Seen]:
    """What all viewers saw; with `opening` each sees that view only, once."""
    with ThreadPoolExecutor(viewers) as threads:
        count = 1 if opening else rounds * 2
        jobs = [threads.submit(visit, port, number, count, looking, opening) for number in range(viewers)]
        return [seen for job in jobs for seen in job.result()]


def visit(
    port: int,
    number: int,
    count: int,
    looking: tuple[float, float],
    opening: tuple[str, dict[str, str]] | None = None,
) -> list[Seen]:
    """One session of `count` views."""
    chance = random.Random(number)
    seen = []
    with connect(
        f"ws://127.0.0.1:{port}/_stcore/stream",
        subprotocols=[Subprotocol("streamlit")],
        max_size=None,
        open_timeout=60,
    ) as session:
        time.sleep(chance.uniform(0, looking[1]))
        for step in range(count):
            page, query = opening or (STEPS[step % len(STEPS)] if looking[1] == 0 else chance.choice(STEPS))
            seen.append(_view(session, page, query))
            time.sleep(chance.uniform(*looking))
    return seen


def _view(session: ClientConnection, page: str, query: dict[str, str]) -> Seen:
    asked = BackMsg()
    asked.rerun_script.page_name = page
    asked.rerun_script.query_string = urlencode(query)
    started = time.perf_counter()
    session.send(asked.SerializeToString())
    failed = False
    while True:
        told = ForwardMsg()
        content = session.recv(timeout=60)
        assert isinstance(content, bytes)
        told.ParseFromString(content)
        kind = told.WhichOneof("type")
        if kind == "delta" and told.delta.WhichOneof("type") == "new_element":
            element = told.delta.new_element
            failed = failed or element.WhichOneof("type") == "exception" or element.alert.format == Alert.ERROR
        if kind == "page_not_found":
            failed = True
        # A page that goes to another one, or writes its address, runs again.
        if kind == "script_finished" and told.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            failed = failed or told.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR
            return Seen(page, time.perf_counter() - started, failed)


def p95(seconds: Sequence[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(seconds, n=20)[-1]

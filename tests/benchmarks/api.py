"""How long the API takes over its real server while twenty clients ask at once."""

import http.client
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from costpulse_assets.resources.embedded_postgres import EmbeddedPostgres
from tests.benchmarks import start
from tests.benchmarks.measuring import Bench, Section

CLIENTS = 20
#: Answers of roll-ups.
QUESTIONS = (
    "/api/v1/costs?by=product",
    "/api/v1/costs?by=team",
    "/api/v1/costs?by=workspace",
    "/api/v1/costs?by=sku",
    "/api/v1/costs/trend?bin=day",
    "/api/v1/costs/trend?bin=week&by=product",
    "/api/v1/allocations?format=json",
)


def measure(bench: Bench) -> Section:
    """The 95th percentile of answers, of those that somebody asked for before and of those that nobody did."""
    section = Section(
        "API",
        f"The app server on {bench.sizes.demo_days} days of the demo account, {CLIENTS} clients with a connection "
        f"each, every one asking {len(QUESTIONS)} questions about roll-ups again and again as fast as they are "
        "answered. The clients share the machine with the server and the database.",
    )
    folder = bench.folder / "demo"
    start.up(bench, folder)
    rounds = 10 * bench.sizes.repetitions
    with EmbeddedPostgres(folder) as server, serving(server.url("costpulse")) as port:
        # Each with a limit of its own, so that no answer is kept from before.
        first = asked(port, 1, lambda client, number: f"{QUESTIONS[number]}&limit={100 + client * 10 + number}")
        again = asked(port, rounds, lambda client, number: QUESTIONS[(client + number) % len(QUESTIONS)])
    section.below(f"{CLIENTS} clients, p95 of {len(again):,} answers", _p95(again) * 1_000, 50, "ms", digits=1)
    section.note("their median", f"{statistics.median(again) * 1_000:.1f} ms")
    section.note(f"p95 of {len(first)} answers that nobody asked for before", f"{_p95(first) * 1_000:.1f} ms")
    return section


@contextmanager
def serving(url: str) -> Iterator[int]:
    """The app server over a database; yields its port once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    more = {
        "COSTPULSE_DATABASE_URL": url,
        "COSTPULSE_APP_PORT": str(port),
        "COSTPULSE_API_REQUESTS_PER_MINUTE": "1000000",
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "costpulse_app"],
        env=os.environ | more,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.1)
        # What a process does once is no part of an answer.
        asked(port, 1, lambda client, number: QUESTIONS[number], clients=1)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=30)


def asked(port: int, rounds: int, path: Callable[[int, int], str], *, clients: int = CLIENTS) -> list[float]:
    """Seconds of each answer; `path` is what a client asks as its n-th question."""

    def ask(client: int) -> list[float]:
        taken = []
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for _ in range(rounds):
            for number in range(len(QUESTIONS)):
                started = time.perf_counter()
                connection.request("GET", path(client, number))
                answer = connection.getresponse()
                body = answer.read()
                taken.append(time.perf_counter() - started)
                assert answer.status == 200, body
        connection.close()
        return taken

    with ThreadPoolExecutor(clients) as threads:
        return [each for taken in threads.map(ask, range(clients)) for each in taken]


def _p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]

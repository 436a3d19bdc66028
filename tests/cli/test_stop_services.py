"""Whoever starts services may be killed: what it started stops all the same."""

import subprocess
import sys
from pathlib import Path

from costpulse_assets.cli import stop_services
from tests.cli.processes import eventually

#: Starts a child of its own group that ignores SIGTERM, says so, and waits until it is asked to stop.
PARENT = """
import signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
                          "print('ignoring', flush=True); time.sleep(600)"])
time.sleep(600)
"""


def alive(group: int) -> bool:
    """Whether a process of the group runs; one that has ended and waits to be noticed does not."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            return True
    return False


def test_a_process_that_ignores_the_request_and_one_whose_parent_is_gone_are_stopped() -> None:
    command = [sys.executable, "-I", "-S", stop_services.__file__, "0.5"]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE) as stopper,
        subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, start_new_session=True) as group,
    ):
        assert stopper.stdin is not None
        assert group.stdout is not None
        assert group.stdout.readline() == b"ignoring\n"
        stopper.stdin.write(b"%d\n" % group.pid)
        stopper.stdin.close()
        assert stopper.wait(30) == 0
        assert eventually(lambda: not alive(group.pid), seconds=30)

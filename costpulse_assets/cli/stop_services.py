"""Stops the process groups whose ids it reads, one a line, as soon as its standard input closes.

Its argument: seconds they have to stop by themselves.

A process of its own, so that it outlives a `costpulse up` that is killed. It imports nothing of ours: it has to be
there before the first service is.
"""

import os
import signal
import sys
import time


def main(patience_seconds: float) -> None:
    """Read until the end, ask every group to stop, and kill what has not stopped in time."""
    groups = [int(line) for line in sys.stdin]
    for group in groups:
        # The first process stops those it started, in its order.
        try:
            os.kill(group, signal.SIGTERM)
        except ProcessLookupError:
            _send(group, signal.SIGTERM)
    deadline = time.monotonic() + patience_seconds
    while any(_send(group, 0) for group in groups) and time.monotonic() < deadline:
        time.sleep(0.05)
    for group in groups:
        _send(group, signal.SIGKILL)


def _send(group: int, number: int) -> bool:
    """Send a signal to a group; whether there was anybody to get it."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main(float(sys.argv[1]))

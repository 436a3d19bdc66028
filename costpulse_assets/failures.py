"""How a named failure leaves an asset: transient ones are retried by the RetryPolicy, all others stop at once."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from costpulse_assets.errors import CostPulseError

#: Three tries in all; the source adapters have their own shorter retries inside each.
RETRY_TRANSIENT = dg.RetryPolicy(max_retries=2, delay=10, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)


@contextmanager
def named_failures() -> Iterator[None]:
    """Turns a CostPulseError into a Dagster failure that shows its name, sentence and next step.

    Nothing else is retried either. An interrupt (Ctrl-C, or a run ended from the Dagster UI) least of all: Dagster
    would take it for transient, wait, and go on with what it was asked to stop.
    """
    try:
        yield
    except CostPulseError as error:
        raise dg.Failure(
            description=str(error),
            metadata={
                "failure": type(error).__name__,
                "what happened": error.message,
                "next step": error.next_step,
            },
            allow_retries=error.retryable,
        ) from error
    except (Exception, KeyboardInterrupt, dg.DagsterExecutionInterruptedError) as error:
        raise dg.Failure(description=f"{type(error).__name__}: {error}", allow_retries=False) from error

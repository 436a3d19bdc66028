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

    An interrupt (Ctrl-C, or a run ended from the Dagster UI) becomes a failure without retries: with a retry policy
    Dagster would wait and then go on with what it was asked to stop.
    """
    try:
        yield
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError) as interrupt:
        raise dg.Failure(
            description="Interrupted; what was finished is kept, the next run continues.", allow_retries=False
        ) from interrupt
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

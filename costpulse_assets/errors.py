"""Every failure CostPulse names: what happened, and what to do next.

Belongs here: exception classes only. A message is one sentence that says what happened, and `next_step`
says what the reader can do. Classification of a library's own exceptions lives beside the library's adapter.
"""


class CostPulseError(Exception):
    """A failure with a name, a clear sentence and a next step; the command prints both and exits with 1."""

    #: True when the same call may succeed later without anybody changing anything.
    retryable: bool = False

    def __init__(self, message: str, *, next_step: str) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message} Next step: {self.next_step}"


class BadSettings(CostPulseError):
    """A setting is missing, malformed or contradicts another one."""


class BadInput(CostPulseError):
    """An argument of a command or a value typed by a person is not acceptable."""


class NotAllowed(CostPulseError):
    """Somebody's role does not have the right to do this, or what they asked for is not theirs."""


class DatabaseUnavailable(CostPulseError):
    """The database does not answer, or went away in the middle of a statement."""

    retryable = True


class DatabaseRefused(CostPulseError):
    """The database answered and said no: credentials, rights, disk full, version."""


class SchemaMismatch(CostPulseError):
    """The database schema is newer or older than this code."""


class AlreadyRunning(CostPulseError):
    """Another process holds what this one needs: a data directory, a port."""


class InvariantBroken(CostPulseError):
    """A sum that must hold does not hold; the transaction was rolled back and nothing became visible."""


class SourceError(CostPulseError):
    """Reading from the source (Databricks or the demo account) failed."""


class SourceThrottled(SourceError):
    """The source asked us to slow down (HTTP 429)."""

    retryable = True


class SourceUnavailable(SourceError):
    """The source answered that it cannot serve now (5xx, session lost, warehouse starting)."""

    retryable = True


class SourceUnreachable(SourceError):
    """No connection: name, route, TLS, firewall."""

    retryable = True


class SourceCredentials(SourceError):
    """The token or service principal was refused, or has expired."""


class SourceForbidden(SourceError):
    """A grant is missing, or the table or schema does not exist or is not enabled."""


class SourceSqlError(SourceError):
    """The source refused the statement itself."""


class SourceInconsistent(SourceError):
    """The result is not what the source announced: lost pages, short files, totals that do not match."""

    retryable = True


class SourceTimeout(SourceError):
    """The statement took longer than the allowed time and was cancelled."""

    retryable = True


class WarehouseUnusable(SourceError):
    """The host answers, but there is no SQL warehouse of a usable type behind the HTTP path."""


class FileNotWritten(CostPulseError):
    """A file of a report could not be written: disk full, folder missing or not ours. No half file is left."""


class ReportFailed(CostPulseError):
    """A report could not be made for a reason that has no name of its own; its row says why."""


class FocusInvalid(CostPulseError):
    """A FOCUS file breaks a rule of the specification; it was not published."""

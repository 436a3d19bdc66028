"""Keyed hashes instead of addresses, made at the edge: what is collected or typed is hashed before it is stored.

The same person has the same hash in every table, and the domain of an address stays in clear:
`nina.kowalska@northwind.example` becomes `<24 hexadecimal digits>@northwind.example`. Service principals and groups
become the digits alone. An address is compared as people mean it, so blanks around it and upper case do not count; any
other identity is taken as it is.
"""

import hmac
import json
import re
from collections.abc import Callable, Sequence

import pyarrow as pa
from pydantic import SecretStr

from costpulse_assets.errors import BadInput
from costpulse_assets.resources.database import Connection, Database, run
from costpulse_assets.settings import Settings

#: What every table calls its tags, a JSON object as text: a value that is an address is hashed like any other.
TAGS = "tags"

#: The whole of an identity that is an e-mail address.
ADDRESS = re.compile(r"[^\s@]+@[^\s@]+")

_IDENTITY_DIGITS = 24
_KEY_DIGITS = 32


class Identities:
    """How identities are stored: hashed with a key, or in clear.

    Args:
        key: key of the hashes; None leaves everything as it is.
    """

    def __init__(self, key: SecretStr | None) -> None:
        self._key = None if key is None else key.get_secret_value().encode()

    @property
    def are_hashed(self) -> bool:
        """Whether identities are stored as hashes."""
        return self._key is not None

    @property
    def fingerprint(self) -> str | None:
        """Tells one key from another without telling the key; None in clear."""
        return None if self._key is None else _digest(self._key, "fingerprint", "costpulse", _KEY_DIGITS)

    def protect(self, batch: pa.RecordBatch, columns: Sequence[str]) -> pa.RecordBatch:
        """The batch with the identities in these text columns hashed, and addresses that are values of tags.

        Each distinct value is hashed once. NULL and blanks name nobody and stay.
        """
        if self._key is None:
            return batch
        for name in columns:
            batch = _with_values(batch, name, self._identity)
        return _with_values(batch, TAGS, self._tags) if TAGS in batch.schema.names else batch

    def protect_keys(self, batch: pa.RecordBatch, column: str) -> pa.RecordBatch:
        """The batch with other keys: those of the source are hashes over clear identities that anybody can try out."""
        key = self._key
        if key is None:
            return batch
        return _with_values(batch, column, lambda value: _digest(key, "key", value, _KEY_DIGITS))

    def protect_text(self, value: str) -> str:
        """What is stored for an identity that a person typed, so that it equals what is collected.

        A pattern can only be `*@domain`: the domain is all that a hash leaves to be matched.

        Raises:
            BadInput: another pattern, which no hash would ever match.
        """
        if self._key is None:
            return value
        typed = value.strip()
        if typed.startswith("*@") and "*" not in typed[2:]:
            return typed.casefold()
        if "*" in typed:
            raise BadInput(
                f"{typed} cannot match anybody while identities are hashed.",
                next_step="Write whole addresses, or *@domain for everybody of a domain.",
            )
        return self._identity(typed)

    def _identity(self, value: str) -> str:
        assert self._key is not None
        value = value.strip()
        if not value:
            return value
        if not ADDRESS.fullmatch(value):
            return _digest(self._key, "identity", value, _IDENTITY_DIGITS)
        address = value.casefold()
        return f"{_digest(self._key, 'identity', address, _IDENTITY_DIGITS)}@{address.partition('@')[2]}"

    def _tags(self, text: str) -> str:
        if "@" not in text:
            return text
        tags = json.loads(text)
        protected = {
            name: self._identity(value) if value is not None and ADDRESS.fullmatch(value.strip()) else value
            for name, value in tags.items()
        }
        return json.dumps(protected, separators=(",", ":"))


def identities_of(settings: Settings) -> Identities:
    """How this deployment stores identities."""
    return Identities(settings.identity_key if settings.hash_identities else None)


def expect_same_protection(database: Database, identities: Identities) -> None:
    """Stops before identities of one kind are stored beside another; the first run decides which kind it is.

    Raises:
        BadInput: the database holds clear identities and hashing is on, or hashes of another key, or hashes and it is
            off.
    """
    with database.transaction() as connection:
        expect_same_protection_in(connection, identities)


def expect_same_protection_in(connection: Connection, identities: Identities) -> None:
    """As `expect_same_protection`, within the caller's transaction."""
    (held,) = run(connection, "transform/identity_protection", {"fingerprint": identities.fingerprint})
    if held["key_fingerprint"] == identities.fingerprint:
        return
    if held["key_fingerprint"] is None:
        kind, as_before = "clear identities", "Unset COSTPULSE_HASH_IDENTITIES"
    elif identities.are_hashed:
        kind, as_before = "identities hashed with another key", "Set COSTPULSE_IDENTITY_KEY to that key"
    else:
        kind, as_before = "hashed identities", "Set COSTPULSE_HASH_IDENTITIES and its key as they were"
    raise BadInput(
        f"This database already holds {kind}, and the two can never be told to be the same person.",
        next_step=f"{as_before}, or collect everything anew into a fresh database: choose another folder with "
        "--data-dir, or another COSTPULSE_DATABASE_URL.",
    )


def _digest(key: bytes, purpose: str, text: str, digits: int) -> str:
    """A hash that only the holder of the key can make; one purpose says nothing about another."""
    return hmac.digest(key, f"{purpose}\0{text}".encode(errors="surrogatepass"), "sha256").hex()[:digits]


def _with_values(batch: pa.RecordBatch, name: str, change: Callable[[str], str]) -> pa.RecordBatch:
    """The batch with each distinct text of a column changed."""
    column = batch.column(name)
    encoded = column.dictionary_encode()
    changed = pa.array([change(value) for value in encoded.dictionary.to_pylist()], column.type)
    return batch.set_column(batch.schema.get_field_index(name), batch.schema.field(name), changed.take(encoded.indices))

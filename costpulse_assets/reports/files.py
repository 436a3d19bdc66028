"""Files of reports: one appears whole or not at all, under a name of our own words, and goes when its time is over.

A report is one file, or a folder of files (FOCUS). It is written beside its final name, brought to the disk, counted,
and renamed: whoever sees it sees all of it, whatever dies on the way.
"""

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from costpulse_assets.errors import BadInput, FileNotWritten
from costpulse_assets.resources.database import Database, run
from costpulse_assets.settings import Settings

_CHUNK_BYTES = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class Contents:
    """What is in a file or folder.

    Attributes:
        checksum: SHA-256 in hexadecimal; of a folder that of the lines `<checksum>  <path in it>`, in order of paths.
        size_bytes: of all files.
    """

    checksum: str
    size_bytes: int


def reports_folder(settings: Settings) -> Path:
    """Where the files of reports lie; it need not be there yet."""
    return settings.reports_dir or settings.data_dir / "reports"


def report_path(settings: Settings, file_path: str) -> Path:
    """Where a report lies that the table `reports` names.

    Args:
        settings: with the folder of reports.
        file_path: as it is stored, relative to that folder.

    Raises:
        BadInput: it leads out of the folder.
    """
    folder = reports_folder(settings).resolve()
    try:
        path = (folder / file_path).resolve()
    except ValueError:  # a NUL
        path = folder
    if path == folder or not path.is_relative_to(folder):
        raise BadInput(
            "The file of this report is not in the folder of reports.",
            next_step="Ask for the report again, or correct COSTPULSE_REPORTS_DIR.",
        )
    return path


@contextmanager
def temporary_beside(target: Path) -> Iterator[Path]:
    """A name for what will be `target`, in the same folder and with the same ending; gone at the end if it is there.

    Raises:
        FileNotWritten: writing failed inside; nothing is left of it.
    """
    part = target.with_name(f".{target.stem}.{secrets.token_hex(4)}{target.suffix}")
    with named_write_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield part
        finally:
            remove(part)


def publish(part: Path, target: Path) -> Contents:
    """Brings what was written to the disk and gives it its name; it replaces a file, but no folder with files in it."""
    with named_write_errors(target):
        for path in (part, *part.rglob("*")):
            _bring_to_disk(path)
        contents = contents_of(part)
        part.replace(target)
        _bring_to_disk(target.parent)
    return contents


def copy(source: Path, target: Path) -> Contents:
    """A copy of a report, file or folder, at another place; whole or not at all."""
    with temporary_beside(target) as part:
        if source.is_dir():
            shutil.copytree(source, part)
        else:
            shutil.copyfile(source, part)
        return publish(part, target)


def contents_of(path: Path) -> Contents:
    """Checksum and size of a file, or of all files below a folder."""
    if not path.is_dir():
        return Contents(_checksum(path), path.stat().st_size)
    files = _files(path)
    listed = "".join(f"{_checksum(file)}  {file.relative_to(path).as_posix()}\n" for file in files)
    return Contents(hashlib.sha256(listed.encode()).hexdigest(), sum(file.stat().st_size for file in files))


def remove(path: Path) -> None:
    """Deletes a file or folder; nothing happens if it is not there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_leftovers(settings: Settings, report_id: int) -> None:
    """Deletes whatever a process left of a report that it did not finish."""
    folder = reports_folder(settings)
    for pattern in (f".{report_id}-*", f"{report_id}-*"):
        for path in folder.glob(pattern):
            remove(path)


def expire(database: Database, settings: Settings, now: datetime) -> int:
    """Deletes the files whose time is over; how many reports that were. Their rows stay."""
    with database.transaction() as connection:
        due = run(connection, "reports/request_expired", {"now": now})
    for row in due:
        path = report_path(settings, row["file_path"])
        # First the file: whoever dies in between leaves a row that is due again, and no file that nobody names.
        with named_write_errors(path):
            remove(path)
        with database.transaction() as connection:
            run(connection, "reports/request_expire", {"id": row["id"]})
    return len(due)


@contextmanager
def named_write_errors(target: Path) -> Iterator[None]:
    """Turns what the file system says into FileNotWritten."""
    try:
        yield
    except OSError as error:
        full = error.errno in _FULL
        raise FileNotWritten(
            f"{target} could not be written: {error.strerror or error}.",
            next_step=f"Make room on the disk of {target.parent}, then ask for it again."
            if full
            else f"See to it that {target.parent} is there and may be written to, then ask for it again.",
        ) from error


def _files(path: Path) -> list[Path]:
    return sorted((each for each in path.rglob("*") if each.is_file()), key=lambda file: file.as_posix())


def _checksum(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _bring_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""The file of a report: whether it is there and whole, and the way to the viewer's disk."""

import io
import zipfile
from pathlib import Path

import streamlit as st

from costpulse_app import db
from costpulse_app.reports import words
from costpulse_app.reports.reads import StoredReport
from costpulse_assets.errors import CostPulseError
from costpulse_assets.reports.files import contents_of, report_path

#: What is downloaded here goes through the app's memory; larger files are for a program.
LARGEST_BYTES = 300_000_000
_MIME = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
    "parquet": "application/vnd.apache.parquet",
    "focus": "application/zip",
}


def button(one: StoredReport, *, key: str, is_primary: bool = False) -> str:
    """Draws the button of a report that is ready, where its file is there and whole.

    Returns:
        What is wrong with the file, in words; empty: nothing, or there is none to be expected.
    """
    if one.status != "ready" or one.file_path is None:
        return ""
    path, problem = found(one)
    if path is None:
        return problem
    if one.size_bytes is not None and one.size_bytes > LARGEST_BYTES:
        return (
            f"The file has {words.size(one.size_bytes)}, too much for this page: fetch it with the JSON API, "
            f"/api/v1/reports/{one.id}/file (docs/api.md), or take it from {path}."
        )
    st.download_button(
        "Download",
        # Read when it is clicked, not whenever the page is drawn.
        lambda: _contents(path),
        f"{path.name}.zip" if path.is_dir() else path.name,
        _MIME[one.format],
        type="primary" if is_primary else "secondary",
        icon=":material/download:",
        key=key,
        on_click="ignore",
    )
    return ""


def found(one: StoredReport) -> tuple[Path | None, str]:
    """The file or folder of a report that is ready; None and the reason where it cannot be handed out."""
    try:
        path = report_path(db.settings(), one.file_path or "")
        stamp = _stamp(path)
        if not stamp:
            return None, f"{_GONE} Run it again."
        is_whole = _checksum(str(path), stamp) == one.checksum
    except CostPulseError as error:
        return None, f"{error.message} {error.next_step}"
    except OSError as error:
        return None, f"The file of this report cannot be read: {error.strerror}. Run it again."
    if not is_whole:
        return None, (
            "The file of this report is not the one that was made: its checksum is another. It is not handed out. "
            "Run it again."
        )
    return path, ""


_GONE = "The file of this report is gone: somebody deleted or moved it."


@st.cache_data(show_spinner=False, max_entries=1_000)
def _checksum(path: str, stamp: tuple[tuple[str, int, int], ...]) -> str:
    """The SHA-256 of a file, read again only when `stamp` changes."""
    return contents_of(Path(path)).checksum


def _stamp(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Names, sizes and times of what is there; empty: nothing."""
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    stats = [(each, each.stat()) for each in files]
    return tuple((str(each), stat.st_size, stat.st_mtime_ns) for each, stat in stats)


def _contents(path: Path) -> bytes:
    """The file, or the folder as a ZIP file."""
    if not path.is_dir():
        return path.read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in sorted(path.rglob("*")):
            if each.is_file():
                archive.write(each, Path(path.name) / each.relative_to(path))
    return packed.getvalue()

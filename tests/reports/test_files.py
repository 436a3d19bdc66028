"""Files of reports: whole or not there, never outside of their folder, gone when their time is over."""

import errno
import hashlib
import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from costpulse_assets.errors import BadInput, FileNotWritten
from costpulse_assets.reports.files import (
    contents_of,
    copy,
    expire,
    publish,
    remove_leftovers,
    report_path,
    reports_folder,
    temporary_beside,
)
from costpulse_assets.resources.database import Database
from tests.costs.books import Books
from tests.costs.conftest import books  # noqa: F401 - a fixture
from tests.pipeline import pretend_today
from tests.reports.asking import MARCH, Desk


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """The nearest thing to a full disk that needs no disk: the kernel refuses every byte beyond."""
    assert signal.getsignal(signal.SIGXFSZ) == signal.SIG_IGN
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def write(target: Path, content: bytes) -> str:
    with temporary_beside(target) as part:
        part.write_bytes(content)
        return publish(part, target).checksum


def test_the_checksum_is_what_sha256sum_says(tmp_path: Path) -> None:
    file = tmp_path / "3-showback-2026-03-01-2026-03-31.csv"
    checksum = write(file, os.urandom(3 << 20))
    said = subprocess.run(["sha256sum", str(file)], capture_output=True, text=True, check=True).stdout
    assert said.split()[0] == checksum
    assert contents_of(file).size_bytes == 3 << 20


def test_the_checksum_of_a_folder_is_that_of_its_list_as_sha256sum_writes_it(tmp_path: Path) -> None:
    folder = tmp_path / "4-focus-2026-03-01-2026-04-30"
    with temporary_beside(folder) as part:
        for month in ("month=03", "month=04"):
            (part / month).mkdir(parents=True)
            (part / month / "focus.parquet").write_text(month)
        contents = publish(part, folder)
    listed = subprocess.run(
        ["sha256sum", "month=03/focus.parquet", "month=04/focus.parquet"], cwd=folder, capture_output=True, check=True
    ).stdout
    assert contents.checksum == hashlib.sha256(listed).hexdigest()
    assert contents.size_bytes == 16
    assert contents_of(folder) == contents


def test_nothing_is_seen_under_its_name_before_it_is_whole_and_nothing_is_left_of_what_fails(tmp_path: Path) -> None:
    file = tmp_path / "5-team-2026-03-01-2026-03-31.pdf"
    seen: list[bool] = []

    def fail() -> None:
        with temporary_beside(file) as part:
            part.write_text("half of it")
            assert part.parent == file.parent
            assert part.suffix == ".pdf"
            seen.append(file.exists())
            raise KeyError("halfway")

    with pytest.raises(KeyError):
        fail()
    assert seen == [False]
    assert list(tmp_path.iterdir()) == []


def test_what_fails_leaves_the_file_that_was_there_before(tmp_path: Path) -> None:
    file = tmp_path / "costs.csv"
    write(file, b"of last month")
    with pytest.raises(FileNotWritten), no_file_larger_than(64):
        write(file, b"x" * 65)
    assert file.read_bytes() == b"of last month"
    assert list(tmp_path.iterdir()) == [file]


def test_a_full_disk_has_a_name_and_leaves_no_half_file(tmp_path: Path) -> None:
    file = tmp_path / "6-showback-2026-03-01-2026-03-31.csv"
    with pytest.raises(FileNotWritten) as failure, no_file_larger_than(100):
        write(file, b"x" * 101)
    assert failure.value.message == f"{file} could not be written: {os.strerror(errno.EFBIG)}."
    assert f"Make room on the disk of {tmp_path}" in failure.value.next_step
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_has_a_name(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file in the way")
    with pytest.raises(FileNotWritten) as failure:
        write(tmp_path / "reports/7-team-2026-03-01-2026-03-31.csv", b"x")
    assert "may be written to" in failure.value.next_step


def test_a_copy_is_whole_and_never_joins_a_folder_that_holds_something(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "month=03").mkdir(parents=True)
    (source / "month=03/focus.parquet").write_text("a file")
    target = tmp_path / "target"
    assert copy(source, target) == contents_of(source)
    with pytest.raises(FileNotWritten):
        copy(source, target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "target"]


@pytest.mark.parametrize(
    "file_path",
    ["../x.csv", "/etc/passwd", "a/../../x.csv", "", ".", "12-showback.csv/../..", "out/x.csv", "x\0.csv"],
)
def test_no_path_leads_out_of_the_folder_of_reports(tmp_path: Path, file_path: str) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "out").symlink_to(tmp_path)
    settings = pretend_today(MARCH, reports_dir=folder)
    assert report_path(settings, "12-showback.csv") == folder / "12-showback.csv"
    with pytest.raises(BadInput):
        report_path(settings, file_path)


def test_reports_lie_in_the_data_directory_unless_another_folder_is_named(tmp_path: Path) -> None:
    assert reports_folder(pretend_today(MARCH, data_dir=tmp_path)) == tmp_path / "reports"
    assert reports_folder(pretend_today(MARCH, data_dir=tmp_path, reports_dir=tmp_path / "r")) == tmp_path / "r"


def test_only_what_is_left_of_the_report_itself_is_cleared_away(tmp_path: Path) -> None:
    names = ["1-team.csv", ".1-team.ab12.csv", "1-focus/x", "11-team.csv", ".11-team.cd34.csv"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    remove_leftovers(pretend_today(MARCH, reports_dir=tmp_path), 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".11-team.cd34.csv", "11-team.csv"]


def test_files_go_when_their_time_is_over_and_rows_stay(books: Books, tmp_path: Path) -> None:  # noqa: F811
    books.put(MARCH, {1: "10"})
    desk = Desk.of(books.database, tmp_path / "reports", report_retention_days=30)
    short = desk.make(desk.ask())
    desk.settings = desk.settings.model_copy(update={"report_retention_days": 31})
    long = desk.make(desk.ask())
    over = desk.row(short.report_id)["expires_at"]
    assert over - desk.row(short.report_id)["finished_at"] == timedelta(days=30)
    assert expire(desk.database, desk.settings, over - timedelta(seconds=1)) == 0
    assert expire(desk.database, desk.settings, over) == 1
    assert desk.files() == [long.path.name]
    gone = desk.row(short.report_id)
    assert (gone["status"], gone["file_path"], gone["checksum"]) == ("expired", None, short.checksum)
    assert expire(desk.database, desk.settings, over) == 0


def test_a_file_that_is_gone_already_expires_all_the_same(books: Books, tmp_path: Path) -> None:  # noqa: F811
    books.put(MARCH, {1: "10"})
    desk = Desk.of(books.database, tmp_path / "reports")
    made = desk.make(desk.ask())
    made.path.unlink()
    assert expire(desk.database, desk.settings, datetime.now(UTC) + timedelta(days=91)) == 1
    assert desk.row(made.report_id)["status"] == "expired"


def test_what_a_row_names_outside_of_the_folder_is_never_deleted(database_url: str, tmp_path: Path) -> None:
    desk = Desk.of(Database(database_url), tmp_path / "reports")
    victim = tmp_path / "victim"
    victim.touch()
    desk.query(
        "insert into costpulse.reports (name, report_type, format, status, requested_by, period_first, period_last, "
        "file_path, checksum, size_bytes, finished_at, expires_at) values ('x', 'team', 'csv', 'ready', 'eve', "
        "'2026-03-01', '2026-03-31', '../victim', repeat('0', 64), 1, now(), '2026-01-01')"
    )
    with pytest.raises(BadInput):
        expire(desk.database, desk.settings, datetime.now(UTC))
    assert victim.exists()

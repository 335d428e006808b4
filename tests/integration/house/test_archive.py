"""Backup and restore of an embedded house."""

import sqlite3
import tarfile
from pathlib import Path

import pytest

from flowforge.config import Settings
from flowforge.infra import archive, migrations


@pytest.fixture
async def settings(tmp_path: Path) -> Settings:
    made = Settings(data_dir=tmp_path / "data")
    await migrations.upgrade(made.effective_database_url)
    (made.data_dir / "blobs").mkdir()
    (made.data_dir / "blobs" / "one").write_bytes(b"first")
    (made.data_dir / "secret_key").write_text("very secret")
    _mark(made, "first")
    return made


def _mark(settings: Settings, text: str) -> None:
    connection = sqlite3.connect(archive.sqlite_file(settings))
    with connection:
        connection.execute("CREATE TABLE IF NOT EXISTS mark (text)")
        connection.execute("DELETE FROM mark")
        connection.execute("INSERT INTO mark VALUES (?)", [text])
    connection.close()


def _marked(settings: Settings) -> str:
    connection = sqlite3.connect(archive.sqlite_file(settings))
    found = connection.execute("SELECT text FROM mark").fetchone()[0]
    connection.close()
    return str(found)


def test_what_was_backed_up_comes_back(settings: Settings, tmp_path: Path) -> None:
    target = tmp_path / "backup.tar.gz"
    archive.backup(settings, target)
    _mark(settings, "second")
    (settings.data_dir / "blobs" / "two").write_bytes(b"second")
    archive.restore(settings, target, replace=True)
    assert _marked(settings) == "first"
    assert [path.name for path in (settings.data_dir / "blobs").iterdir()] == ["one"]


def test_a_backup_during_a_write_holds_what_was_committed(
    settings: Settings, tmp_path: Path
) -> None:
    writer = sqlite3.connect(archive.sqlite_file(settings), isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE mark SET text = 'half'")
    archive.backup(settings, tmp_path / "backup.tar.gz")
    writer.execute("ROLLBACK")
    writer.close()
    archive.restore(settings, tmp_path / "backup.tar.gz", replace=True)
    assert _marked(settings) == "first"


def test_the_keys_stay_out_of_it_and_the_person_is_told(settings: Settings, tmp_path: Path) -> None:
    said = archive.backup(settings, tmp_path / "backup.tar.gz")
    with tarfile.open(tmp_path / "backup.tar.gz") as packed:
        assert all("key" not in name for name in packed.getnames())
    assert "secret_key" in said
    assert (tmp_path / "backup.tar.gz").stat().st_mode & 0o077 == 0


def test_nothing_is_replaced_without_being_told_to(settings: Settings, tmp_path: Path) -> None:
    archive.backup(settings, tmp_path / "backup.tar.gz")
    with pytest.raises(archive.CannotArchive, match="--yes"):
        archive.restore(settings, tmp_path / "backup.tar.gz", replace=False)
    with pytest.raises(archive.CannotArchive, match="exists already"):
        archive.backup(settings, tmp_path / "backup.tar.gz")


def test_a_file_that_is_no_backup_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "odd.tar.gz").write_bytes(b"not a tar")
    with tarfile.open(tmp_path / "empty.tar.gz", "w:gz"):
        pass
    for name in ("odd.tar.gz", "empty.tar.gz"):
        with pytest.raises(archive.CannotArchive, match="not a backup"):
            archive.restore(settings, tmp_path / name, replace=True)
    assert _marked(settings) == "first"


def test_postgresql_is_sent_to_its_own_tool_with_the_exact_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    settings = Settings(
        data_dir=tmp_path,
        database_url="postgresql://ada:secret@db.example/flow",
        secret_key="k" * 32,
        encryption_key="k" * 32,
    )
    with pytest.raises(archive.CannotArchive) as told:
        archive.backup(settings, tmp_path / "out.dump")
    assert "pg_dump --format=custom" in str(told.value)
    assert "postgresql://ada@db.example/flow" in str(told.value)
    assert "secret" not in str(told.value)

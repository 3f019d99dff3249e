"""A backup of the test's own database, which no other process has to be started for."""

import datetime
import stat
from pathlib import Path

import pytest
from django.db import connection

from cms.backup.making import make_backup

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def test_a_backup_is_readable_by_its_owner_alone(db: None, tmp_path: Path) -> None:
    """It holds password hashes."""
    if connection.vendor == "sqlite":
        pytest.skip("the database of the tests is in memory there, and no file")
    path = tmp_path / "site.backup"
    backup = make_backup(path, now=NOW, on_step=lambda label, total: lambda amount: None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "cms_user" in {name.rpartition(".")[2] for name in backup.manifest.dump.tables}

"""Valid documents of every format with something broken in them: reported or refused, whole or not at all, and once only."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any, Final

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cms.importers.report import Report
from cms.importers.sources import SourceUnreadable
from cms.models import AuditEvent, Comment, ImportRecord, Post
from tests.cms.importers.conftest import import_into_database
from tests.cms.importers.samples import GHOST, ID, TANDEM, TOML, WXR, YAML
from tests.slow import slow

pytestmark = pytest.mark.django_db
FEW: Final = settings(max_examples=25, deadline=None, suppress_health_check=[*HealthCheck])

FRAGMENTS: Final = st.sampled_from(
    [
        *(b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\xef\xbb\xbf", "\u200b\u202e".encode(), b"---\n", b"+++\n", b"]]>", b"<"),
        *(b"&amp;", b"&#0;", b"&x;", b"<!DOCTYPE a>", b"[" * 60, b"{" * 60, b'"', b"'", b"\\", b": ", b"- ", b"\t", b"\r"),
        *(b"0000-00-00", b"9999999-01-01", b"-1", b"NaN", b"1e999", b"9" * 400, b"../../etc/passwd", b"*a", b"&a ", b"!!x "),
    ]
)  # fmt: skip
VALUES: Final[st.SearchStrategy[Any]] = st.sampled_from(
    [
        *(None, True, False, 0, -1, 10**40, 1.5, float("nan"), float("inf"), "", " ", "x" * 1_001, "\u0000", "\ud800"),
        *("\u200b", "a,b", "0000-00-00", "9999999-01-01", "../../etc", "#x", [], [[]], {}, {"a": {"b": []}}, ["x", 7, None]),
        *("published", "members", "deleted", "mia", "t", "news", "world", ID.format(6), ID.format(5), "2001-01-01"),
    ]
)  # fmt: skip


@st.composite
def _bytes_with_a_fault(draw: st.DrawFn, text: str) -> bytes:
    raw = text.encode()
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(raw)))
        end = draw(st.integers(start, min(len(raw), start + 30)))
        raw = raw[:start] + draw(FRAGMENTS | st.binary(max_size=4)) + raw[end:]
    return raw


@st.composite
def _values_with_a_fault(draw: st.DrawFn, document: Any) -> bytes:
    copy = json.loads(json.dumps(document))
    for _ in range(draw(st.integers(1, 4))):
        node = copy
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(node[key], dict | list) and draw(st.integers(0, 3)):
                node = node[key]
                continue
            _break(draw, node, key)
            break
    return json.dumps(copy).encode()


def _break(draw: st.DrawFn, node: Any, key: Any) -> None:
    how = draw(st.sampled_from(["replace", "replace", "remove", "repeat"]))
    if how == "remove":
        del node[key]
    elif how == "repeat" and isinstance(node, list):
        node.append(node[key])
    else:
        node[key] = draw(VALUES)


def _survives(name: str, raw: bytes) -> None:
    """The import ends with a report or in one sentence; whatever it wrote is whole, and a second one writes nothing."""
    with tempfile.TemporaryDirectory() as folder, transaction.atomic():
        path = Path(folder, name)
        path.write_bytes(raw)
        try:
            first = import_into_database(path)
        except SourceUnreadable as error:
            refusal = str(error)
            first = None
        if first is None:
            assert "\n" not in refusal
            assert not ImportRecord.objects.exists()
            return
        connection.check_constraints()
        assert json.loads(json.dumps(first, allow_nan=False))["counts"]["created"] == _record_count()
        assert not Comment.objects.filter(post__isnull=True).exists()
        state = (Post.objects.count(), AuditEvent.objects.count(), _record_count())
        second = import_into_database(path)
        assert (Post.objects.count(), AuditEvent.objects.count(), _record_count()) == state
        assert (second["counts"]["created"], second["counts"]["updated"]) == (0, 0)
        transaction.set_rollback(True)


def _record_count() -> int:
    return sum(1 for original in ImportRecord.objects.values_list("original", flat=True) if not original["is_adopted"])


@FEW
@given(raw=_bytes_with_a_fault(YAML))
def test_yaml_with_faults(raw: bytes) -> None:
    _survives("2020-01-01-a.md", raw)


@FEW
@given(raw=_bytes_with_a_fault(TOML))
def test_toml_with_faults(raw: bytes) -> None:
    _survives("a.md", raw)


@FEW
@given(raw=_bytes_with_a_fault(WXR))
def test_wxr_with_faults(raw: bytes) -> None:
    _survives("a.xml", raw)


@FEW
@given(raw=_bytes_with_a_fault(json.dumps(GHOST)) | _values_with_a_fault(GHOST))
def test_ghost_with_faults(raw: bytes) -> None:
    _survives("ghost.json", raw)


@FEW
@given(raw=_bytes_with_a_fault(json.dumps(TANDEM)) | _values_with_a_fault(TANDEM))
def test_an_own_export_with_faults(raw: bytes) -> None:
    _survives("tandem.json", raw)


@FEW
@given(name=st.text(min_size=1, max_size=40))
def test_any_name_of_a_file_does_no_harm(name: str) -> None:
    safe = name.replace("/", "_").replace("\x00", "_").encode("utf-8", "surrogatepass")[:200]
    _survives(os.fsdecode(safe) + ".md", b"Body.")


@pytest.mark.parametrize("depth", [300, 900, slow(2_000), slow(9_000), slow(40_000), 149_000])
def test_values_that_stand_in_each_other_do_no_harm_at_any_depth(depth: int) -> None:
    nested = "[" * depth + "]" * depth
    _survives("ghost.json", f'{{"data": {{"posts": [{{"title": "T", "html": "x", "odd": {nested}}}]}}}}'.encode())
    _survives("a.md", f'{{"title": "T", "odd": {nested}}}\nBody.\n'.encode())
    _survives("b.md", f"+++\ntitle = 'T'\nodd = {nested}\n+++\nBody.\n".encode())
    _survives("c.md", f"---\ntitle: T\nodd: {nested}\n---\nBody.\n".encode())
    _survives("d.md", ("<div>" * depth + "> " * depth).encode())


def test_reports_of_hostile_values_are_json(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_bytes(b'---\ntitle: "\\uD800 \\0"\nodd: {a: [.nan, "\\uDFFF"]}\n---\nBody.\n')
    report = import_into_database(path)
    with Report() as empty:
        empty.write(tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text())["items"] == []
    assert json.loads(json.dumps(report)) == report

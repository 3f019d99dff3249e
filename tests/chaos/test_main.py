"""What can't be played is refused before anything starts, with a sentence that says what to do."""

from pathlib import Path

import pytest

from tests.chaos import clocks
from tests.chaos.__main__ import main
from tests.chaos.clocks import NoFaketime, find_faketime, set_clock


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("FAULTS", "kill earthquake", "FAULTS names 'earthquake'. Allowed are kill, disk-database,"),
        ("SEED", "x", "SEED='x' is not valid: use a whole number."),
    ],
)
def test_an_invalid_variable_is_named_with_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main()
    assert str(ended.value).startswith(sentence)


def test_without_faketime_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "PLACES", ())
    with pytest.raises(NoFaketime, match="apt-get install faketime"):
        find_faketime()


def test_a_clock_is_set_in_one_step(tmp_path: Path) -> None:
    file = tmp_path / "web-1.clock"
    for wrong_by_s, told in ((3_600, "+3600\n"), (-3_600, "-3600\n"), (0, "+0\n")):
        set_clock(file, wrong_by_s)
        assert file.read_text() == told
    assert [path.name for path in tmp_path.iterdir()] == ["web-1.clock"]

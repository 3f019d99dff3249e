"""Names of uploads are text: without path, invisible characters and tricks of direction."""

import pytest

from cms.media.names import clean_name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("photo.jpg", "photo.jpg"),
        ("Ein Bild (2).jpeg", "Ein Bild (2).jpeg"),
        ("../../etc/passwd", "passwd"),
        ("/etc/cron.d/x", "x"),
        ("..\\..\\windows\\win.ini", "win.ini"),
        ("C:\\Users\\mia\\photo.jpg", "photo.jpg"),
        ("a/..", "file.png"),
        ("...", "file.png"),
        ("", "file.png"),
        ("  \u200e\u202e ", "file.png"),
        (".htaccess", "htaccess"),
        ("a\x00b\r\nc.jpg", "abc.jpg"),
        ("gpj\u202eexe.jpg", "gpjexe.jpg"),
        ("\ud800lone.jpg", "lone.jpg"),
        ("می\u200cخواهم.pdf", "می\u200cخواهم.pdf"),
        ("e\u0301.png", "é.png"),
    ],
)
def test_a_name_is_its_last_part_without_what_nobody_sees(name: str, shown: str) -> None:
    assert clean_name(name, ".png") == shown


@pytest.mark.parametrize(
    ("name", "end"),
    [("a" * 300 + ".jpeg", "a.jpeg"), ("\ufb2c" * 5_000 + ".png", ".png"), ("名" * 400, "名"), ("a." + "b" * 400, "b")],
)
def test_a_long_name_is_cut_and_keeps_its_extension(name: str, end: str) -> None:
    cut = clean_name(name, ".png")
    assert len(cut) == 255
    assert cut.endswith(end)

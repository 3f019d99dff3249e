"""Names of uploads are text: without path, invisible characters and tricks of direction."""

import pytest

from cms.media.names import clean_name, download_name


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


@pytest.mark.parametrize(
    ("name", "stored_as", "saved_as"),
    [
        ("notes.txt", "media/x.txt", "notes.txt"),
        ("PHOTO.JPG", "media/x.jpg", "PHOTO.JPG"),
        ("photo.jpeg", "media/x.jpg", "photo.jpeg"),
        ("README.markdown", "media/x.md", "README.markdown"),
        ("a.html", "media/x.txt", "a.html.txt"),
        ("run.bat", "media/x.txt", "run.bat.txt"),
        ("photo.jpg", "renditions/x-square-160-ab12.webp", "photo.jpg.webp"),
        ("passwd", "media/x.txt", "passwd.txt"),
        (".txt", "media/x.txt", ".txt.txt"),
        ("a.html", "media/an-older-name", "a.html"),
    ],
)
def test_a_file_is_saved_with_the_extension_of_its_type(name: str, stored_as: str, saved_as: str) -> None:
    assert download_name(name, stored_as) == saved_as


def test_a_long_name_keeps_room_for_the_extension() -> None:
    assert download_name("a" * 255, "media/x.txt") == f"{'a' * 251}.txt"

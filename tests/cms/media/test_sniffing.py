"""What a file is comes from its bytes: renamed, disguised and two-faced files are told for what they are, or refused."""

import io
import zipfile

import pytest

from cms.errors import InvalidInput
from cms.media.sniffing import sniff
from tests.cms.media.pictures import encode, photograph, picture

PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
OOXML = "application/vnd.openxmlformats-officedocument"


def archive(*names: str, mimetype: str = "", compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", compression) as target:
        if mimetype:
            target.writestr(zipfile.ZipInfo("mimetype"), mimetype)
        for name in names:
            # A ZipInfo has a fixed time: workers compare the names of tests, which are made of these bytes.
            target.writestr(zipfile.ZipInfo(name), f"<{name}/>", compression)
    return output.getvalue()


def code_of(content: bytes, name: str = "file") -> str:
    with pytest.raises(InvalidInput) as caught:
        sniff(io.BytesIO(content), name)
    (error,) = caught.value.errors
    assert error.field == "file"
    return error.code


def mime_of(content: bytes, name: str = "file") -> str:
    return sniff(io.BytesIO(content), name).mime_type


@pytest.mark.parametrize("name", ["a", "a.txt", "a.html", "a.svg", "a.exe", "a.jpg", "a.pdf"])
@pytest.mark.parametrize(
    ("pillow_format", "mime_type"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("GIF", "image/gif"),
        ("WEBP", "image/webp"),
        ("AVIF", "image/avif"),
    ],
)
def test_an_image_is_what_its_bytes_say_whatever_it_is_called(pillow_format: str, mime_type: str, name: str) -> None:
    assert mime_of(encode(picture(), pillow_format), name) == mime_type


@pytest.mark.parametrize(
    ("content", "mime_type"),
    [
        (PDF, "application/pdf"),
        (archive("[Content_Types].xml", "word/document.xml"), f"{OOXML}.wordprocessingml.document"),
        (archive("[Content_Types].xml", "xl/workbook.xml"), f"{OOXML}.spreadsheetml.sheet"),
        (archive("[Content_Types].xml", "ppt/presentation.xml"), f"{OOXML}.presentationml.presentation"),
        *(
            (archive("content.xml", mimetype=f"application/vnd.oasis.opendocument.{kind}"),) * 2
            for kind in ("text", "spreadsheet", "presentation")
        ),
    ],
    ids=["pdf", "docx", "xlsx", "pptx", "odt", "ods", "odp"],
)
def test_a_document_is_told_by_its_inner_marker(content: bytes, mime_type: str | bytes) -> None:
    if isinstance(mime_type, bytes):
        mime_type = content[38:].split(b"PK")[0].decode()
    assert mime_of(content, "renamed.png") == mime_type


@pytest.mark.parametrize(
    ("name", "mime_type"),
    [
        *(("a.md", "text/markdown"), ("A.MARKDOWN", "text/markdown"), ("a.csv", "text/csv"), ("a.txt", "text/plain")),
        *(("a.html", "text/plain"), ("a.js", "text/plain"), ("a.png", "text/plain"), ("", "text/plain")),
    ],
)
def test_the_name_chooses_only_between_kinds_of_plain_text(name: str, mime_type: str) -> None:
    assert mime_of("Größe,Höhe\n1 < 2,3\n".encode(), name) == mime_type


@pytest.mark.parametrize(
    "content",
    [
        *(SVG, b"\xef\xbb\xbf" + SVG, b"<?xml version='1.0'?>" + SVG, b" \n\t" * 40_000 + SVG),
        *(b"<!DOCTYPE html><p>", b"<HTML>", b"\n<script>alert(1)</script>", b"<!-- --><html>", b"</p>"),
        b"<html>" + PDF,
        *(b"text\x00text", b"\xff\xfea\x00b\x00", "Größe".encode("latin-1"), b"a" * 70_000 + b"\xc3", b"\x1bc\x01"),
        *(b"MZ\x90\x00", b"\x7fELF\x02", b"BM" + bytes(60), b"II*\x00" + bytes(60), b"ID3\x03" + bytes(60)),
        *(archive("a.txt"), archive("word/document.xml"), archive("[Content_Types].xml")),
        archive("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"),
        archive("[Content_Types].xml", "word/document.xml", "xl/workbook.xml"),
        archive("content.xml", mimetype="application/vnd.oasis.opendocument.text-template"),
        archive("META-INF/MANIFEST.MF", mimetype="application/epub+zip"),
    ],
    ids=lambda content: content[:12].hex(),
)
@pytest.mark.parametrize("name", ["a.png", "a.txt", "a.docx", "a.svg"])
def test_what_is_not_on_the_list_is_refused_whatever_it_is_called(content: bytes, name: str) -> None:
    assert code_of(content, name) == "unsupported_type"


@pytest.mark.parametrize("content", [PDF[:-8], b"%PDF-1.4", archive("[Content_Types].xml", "word/document.xml")[:-30]])
def test_a_document_that_was_cut_off_is_refused(content: bytes) -> None:
    assert code_of(content) == "broken_file"


def test_an_archive_is_never_unpacked() -> None:
    """Its entries are garbage, and claim a hundred gigabytes: only the directory is looked at."""
    bomb = bytearray(archive("[Content_Types].xml", "word/document.xml"))
    assert mime_of(bytes(bomb).replace(b"<word/document.xml/>", bytes(20))).endswith(".document")
    entry = bomb.rfind(b"PK\x01\x02")
    bomb[entry + 24 : entry + 28] = b"\xf0\xff\xff\xff"  # the uncompressed size
    assert code_of(bytes(bomb)) == "too_large"


def test_an_archive_of_countless_entries_is_refused_before_they_are_read() -> None:
    many = bytearray(archive("[Content_Types].xml", "word/document.xml"))
    end = many.rfind(b"PK\x05\x06")
    many[end + 12 : end + 16] = (40_000_000).to_bytes(4, "little")
    assert code_of(bytes(many)) == "unsupported_type"


def test_an_image_that_is_a_script_too_is_taken_as_the_image_alone() -> None:
    """The rest of the disguise ends in `test_images.py`, where all that isn't the image is left out."""
    assert mime_of(photograph("GIF") + b"/*<script>alert(1)</script>*/", "a.js") == "image/gif"

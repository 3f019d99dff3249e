"""The types of files that may be uploaded. All others are refused, among them HTML and SVG, which carry scripts."""

from dataclasses import dataclass
from typing import Final

from PIL import features

from cms import limits


@dataclass(frozen=True)
class FileType:
    mime_type: str
    extension: str
    """With its dot; a stored file has it, with any name that it was uploaded under."""
    pillow_format: str = ""
    """Pillow's name of it; empty for all but images."""

    @property
    def is_image(self) -> bool:
        return bool(self.pillow_format)

    @property
    def bytes_max(self) -> int:
        return limits.IMAGE_BYTES_MAX if self.is_image else limits.DOCUMENT_BYTES_MAX


JPEG: Final = FileType("image/jpeg", ".jpg", "JPEG")
PNG: Final = FileType("image/png", ".png", "PNG")
GIF: Final = FileType("image/gif", ".gif", "GIF")
WEBP: Final = FileType("image/webp", ".webp", "WEBP")
AVIF: Final = FileType("image/avif", ".avif", "AVIF")
PDF: Final = FileType("application/pdf", ".pdf")
PLAIN: Final = FileType("text/plain", ".txt")
MARKDOWN: Final = FileType("text/markdown", ".md")
CSV: Final = FileType("text/csv", ".csv")

_OOXML = "application/vnd.openxmlformats-officedocument"
_ODF = "application/vnd.oasis.opendocument"
# Each by the part that makes it what it is (ECMA-376 part 1, section 11.3.10 and its like).
OOXML_MAIN_PARTS: Final = {
    "word/document.xml": FileType(f"{_OOXML}.wordprocessingml.document", ".docx"),
    "xl/workbook.xml": FileType(f"{_OOXML}.spreadsheetml.sheet", ".xlsx"),
    "ppt/presentation.xml": FileType(f"{_OOXML}.presentationml.presentation", ".pptx"),
}
ODF_TYPES: Final = (
    FileType(f"{_ODF}.text", ".odt"),
    FileType(f"{_ODF}.spreadsheet", ".ods"),
    FileType(f"{_ODF}.presentation", ".odp"),
)

IMAGES: Final = (JPEG, PNG, GIF, WEBP, *([AVIF] if features.check("avif") else []))
ALLOWED: Final = (*IMAGES, PDF, PLAIN, MARKDOWN, CSV, *OOXML_MAIN_PARTS.values(), *ODF_TYPES)

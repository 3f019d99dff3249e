"""Run as a program: work on a picture in this fresh process, and print what its memory was at most beside the start."""

import io
import json
import sys
from pathlib import Path

from django.conf import settings

settings.configure(WEB_THREADS=8)

from cms.errors import InvalidInput  # noqa: E402 - settings are needed by now
from cms.limits import RENDITIONS  # noqa: E402
from cms.media.images import clean_image  # noqa: E402
from cms.media.renditions import make_rendition  # noqa: E402
from cms.media.sniffing import sniff  # noqa: E402
from tests.memory import peak_memory  # noqa: E402


def work(path: Path, what: str) -> None:
    with path.open("rb") as file:
        file_type = sniff(file, "")
        file.seek(0)
        if what == "clean":
            clean_image(file, io.BytesIO(), file_type)
        else:
            make_rendition(file, RENDITIONS[what])


def main(name: str, what: str, times: str = "1") -> None:
    refused = ""
    with peak_memory() as peak:
        for _ in range(int(times)):
            try:
                work(Path(name), what)
            except InvalidInput as error:
                refused = error.errors[0].message
    json.dump({"peak_bytes": peak.bytes, "refused": refused}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""GitHub's parser of Markdown, called as its C library is meant to be.

cmarkgfm's own functions free neither the tree nor the HTML: a text of a megabyte left 130 MB in the process for good.
They also let threads parse at once, though the library keeps which characters are special for all of them: the end of
one text took the strikethrough from another.
"""

import ctypes
import os
import threading
from collections.abc import Iterable
from typing import Any, Final

from cmarkgfm import _cmark, cmark
from cmarkgfm.cmark import Options

OPTIONS: Final = (
    Options.CMARK_OPT_UNSAFE  # HTML is the sanitiser's concern
    | Options.CMARK_OPT_FOOTNOTES
    | Options.CMARK_OPT_STRIKETHROUGH_DOUBLE_TILDE
)
EXTENSIONS: Final = ("table", "strikethrough", "tasklist")
# The module declares neither. It has the library in it, which allocates by malloc.
_library, _libc = ctypes.CDLL(_cmark.__file__), ctypes.CDLL(None)
for _function in (_library.cmark_node_free, _libc.free):
    _function.argtypes, _function.restype = [ctypes.c_void_p], None
_one_parses = threading.Lock()
cmark.core_extensions_ensure_registered()  # once: two threads in it end the process


def _begin_anew() -> None:
    global _one_parses  # noqa: PLW0603 - a thread may hold it that a child doesn't have
    _one_parses = threading.Lock()


os.register_at_fork(after_in_child=_begin_anew)


def markdown_to_html(text: str) -> str:
    """Return HTML as the author means it, which may be unsafe."""
    parser = cmark.parser_new(options=OPTIONS)
    try:
        with _one_parses:
            _attach(parser, EXTENSIONS)
            cmark.parser_feed(parser, text)
            root = cmark.parser_finish(parser)
        try:
            return _written(root, cmark.parser_get_syntax_extensions(parser))
        finally:
            _library.cmark_node_free(_address(root))
    finally:
        cmark.parser_free(parser)


def _attach(parser: Any, names: Iterable[str]) -> None:
    for name in names:
        cmark.parser_attach_syntax_extension(parser, cmark.find_syntax_extension(name))


def _written(root: Any, extensions: Any) -> str:
    html = _cmark.lib.cmark_render_html(root, OPTIONS, extensions)
    try:
        return bytes(_cmark.ffi.string(html)).decode(errors="replace")  # it writes no UTF-8 for U+FFFE and U+FFFF
    finally:
        _libc.free(_address(html))


def _address(pointer: Any) -> int:
    return int(_cmark.ffi.cast("uintptr_t", pointer))

"""The catalogues of translations hold each text of the pages, and no page has a text beside them."""

import ast
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from babel.messages.mofile import read_mo
from django.template.base import Lexer, TokenType

from scripts.messages import DOMAINS, PARTS, ROOT, Part, languages, messages_of, missing, read_catalogue

CATALOGUES = [
    (part, domain, language)
    for part, domain, language in product(PARTS, DOMAINS, languages())
    if messages_of(part, domain, language)
]
NAMES = frozenset(
    {"Tandem", "Markdown", "API", "URL", "UTC", "JSON", "HTML", "CSV", "J", "K", "A", "R", "S", "U", "ms", "v"}
)
PAGES_IN_ENGLISH = ("cms/templates/cms/home.html",)
"""Read by developers who try the APIs."""


def _strings_of(catalogue: Any) -> dict[Any, Any]:
    return {
        (one.id if isinstance(one.id, str) else tuple(one.id), one.context): one.string for one in catalogue if one.id
    }


@pytest.fixture(scope="module", params=CATALOGUES, ids=lambda one: f"{one[0].package}-{one[1]}-{one[2]}")
def place(request: pytest.FixtureRequest) -> tuple[Part, str, str]:
    part, domain, language = request.param
    return part, domain, language


def test_each_text_of_the_source_is_translated(place: tuple[Part, str, str]) -> None:
    part, domain, language = place
    catalogue = read_catalogue(part.path(domain, language), language)
    assert missing(catalogue) == []
    known, used = set(_strings_of(catalogue)), set(messages_of(part, domain, language))
    assert used - known == set(), "run `make messages` and translate what is new"
    assert known - used == set(), "run `make messages`: nothing uses these any more"


def test_the_compiled_catalogue_is_that_of_the_text(place: tuple[Part, str, str]) -> None:
    part, domain, language = place
    with part.path(domain, language, "mo").open("rb") as file:
        compiled = _strings_of(read_mo(file))
    plain = _strings_of(read_catalogue(part.path(domain, language), language))
    assert compiled.keys() == plain.keys(), "run `make messages`"
    assert [key for key, string in plain.items() if _first(string) != _first(compiled[key])] == [], (
        "run `make messages`"
    )


def _first(string: Any) -> str:
    return string if isinstance(string, str) else string[0]


def test_translations_keep_the_places_for_values_and_the_tags(place: tuple[Part, str, str]) -> None:
    part, domain, language = place
    places = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}|</?\w+[^>]*>")
    for one in read_catalogue(part.path(domain, language), language):
        if not one.id:
            continue
        source = one.id if isinstance(one.id, str) else one.id[1]
        assert sorted(places.findall(source)) == sorted(places.findall(_first(one.string))), one.id


# -- texts that no catalogue knows ----------------------------------------------------------------------------------------

TEMPLATES = sorted(
    path
    for part in PARTS
    for path in (ROOT / part.package / "templates").rglob("*.html")
    if str(path.relative_to(ROOT)) not in PAGES_IN_ENGLISH
)
ATTRIBUTES = re.compile(r'(?:aria-label|title|alt|placeholder)="([^"]*)"')
ICONS = r"<span[^>]*material-symbols[^>]*>.*?</span>"
TAGS = re.compile(rf"<!--.*?-->|{ICONS}|<(script|style|code)\b.*?</\1>|<[^>]*>", re.DOTALL)


def _bare_words(path: Path) -> Iterator[str]:
    is_translated, text = False, ""
    for token in Lexer(path.read_text()).tokenize():
        words = token.contents.split()
        if token.token_type == TokenType.BLOCK and words[0] == "blocktranslate":
            is_translated = True
        elif token.token_type == TokenType.BLOCK and words[0] == "endblocktranslate":
            is_translated = False
        elif token.token_type == TokenType.TEXT and not is_translated:
            text += token.contents
        elif token.token_type in (TokenType.VAR, TokenType.BLOCK):
            text += "\N{OBJECT REPLACEMENT CHARACTER}"
    shown = [*ATTRIBUTES.findall(text), TAGS.sub("\n", text)]
    yield from (word for part in shown for word in re.findall(r"[A-Za-z]{1,}", re.sub(r"&\w+;", "", part)))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_template_has_a_text_outside_the_catalogue(path: Path) -> None:
    found = [word for word in _bare_words(path) if word not in NAMES]
    assert found == []


def test_no_script_has_a_sentence_outside_the_catalogue() -> None:
    calls = re.compile(r'n?gettext\((?:"(?:[^"\\]|\\.)*"(?:,\s*)?)+')
    sentence = re.compile(r'"([A-Z][^"\n]+)"|`([A-Z][a-z][^`]*)`')
    name = re.compile(r'"([A-Z]+|\w+-[\w-]+|[A-Z]\w*[A-Z]\w*|Escape|Enter|Files)"')  # keys, headers, events
    for part in PARTS:
        for path in (ROOT / part.package / "static").rglob("*.js"):
            if "vendor" in path.parts:
                continue
            source = "\n".join(line.partition("// ")[0] for line in path.read_text().splitlines())
            found = [one[0] for one in sentence.finditer(calls.sub("", source)) if not name.fullmatch(one[0])]
            assert found == [], path


@pytest.mark.parametrize("pages", ["cms/admin", "canary/pages"])
def test_no_page_of_the_admin_site_has_a_sentence_outside_the_catalogue(pages: str) -> None:
    """Sentences in the code: texts that begin with a capital, have a blank and are no argument of gettext."""
    found = {}
    for path in sorted((ROOT / pages).rglob("*.py")):
        bare = list(_bare_sentences(ast.parse(path.read_text())))
        if bare:
            found[str(path.relative_to(ROOT))] = bare
    assert found == {}


TRANSLATING = frozenset(
    {"_", "_lazy", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "pgettext_lazy", "ngettext_lazy", "sentence"}
)


def _bare_sentences(tree: ast.AST) -> Iterator[str]:
    passed = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in TRANSLATING
        for argument in node.args
        for inner in ast.walk(argument)
    }
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and id(node) not in passed | docstrings else None
        if isinstance(text, str) and re.match(r"[A-Z][a-z']+ [a-z]", text):
            yield text

"""The catalogues of translations: `make messages` brings them up to date with the source.

Babel extracts, merges and compiles, so that no machine needs the programs of gettext. Templates become text that
it reads by Django's own `templatize`. The compiled catalogues are committed: the image, `make run` and CI need no step.
"""

import io
import os
from collections.abc import Iterator
from contextlib import redirect_stderr
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any, Final, NamedTuple

import django
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

ROOT: Final = Path(__file__).parent.parent
KEYWORDS: Final[dict[str, Any]] = {
    **DEFAULT_KEYWORDS,
    **dict.fromkeys(("gettext_lazy", "gettext_noop", "_lazy", "sentence"), None),
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
}
# Sentences of the domain are in English; pages translate them when they show them.
REFUSALS: Final[dict[str, Any]] = {
    **dict.fromkeys(("PermissionRefused", "NotFound", "InUse", "InvalidToken", "CmsError"), None),
    "FieldError": (3,),
    "Duplicate": (2,),
    "refuse": (2,),
    "RateLimited": (1,),
    "take_or_refuse": (3,),
    "take_amount_or_refuse": (4,),
    "VersionConflict": (1,),
    "InvalidTransition": (1,),
}
REFUSING: Final = ("media", "services", "tokens", "transfers")
DOMAINS: Final = ("django", "djangojs")

type Id = str | tuple[str, str]
type Key = tuple[Id, str | None]
"""A message or its singular and plural, and its context."""


class Part(NamedTuple):
    """One package with catalogues of its own."""

    package: str

    def path(self, domain: str, language: str, suffix: str = "po") -> Path:
        return ROOT / self.package / "locale" / language / "LC_MESSAGES" / f"{domain}.{suffix}"


PARTS: Final = (Part("cms"), Part("canary"))


def messages_of(part: Part, domain: str, language: str) -> dict[Key, set[str]]:
    """Return each message of the source with the files that use it; of other packages those that lack this language."""
    found: dict[Key, set[str]] = {}
    for message, context, place in _all(part, domain, language):
        if any(map(str.isalpha, message if isinstance(message, str) else message[0])):
            found.setdefault((message, context), set()).add(place)
    plurals = {key[0][0] for key in found if isinstance(key[0], tuple)}
    return {key: places for key, places in found.items() if key[0] not in plurals}


def read_catalogue(path: Path, language: str) -> Catalog:
    return read_po(io.BytesIO(path.read_bytes()), locale=language) if path.exists() else Catalog(locale=language)


def compiled(catalogue: Catalog) -> bytes:
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def update(part: Part, domain: str, language: str) -> Catalog:
    """Return the catalogue with the messages of the source, those that are new without a translation."""
    path = part.path(domain, language)
    old = read_catalogue(path, language)
    catalogue = Catalog(
        locale=language,
        project="Tandem",
        header_comment=old.header_comment,
        creation_date=old.creation_date if path.exists() else datetime.now(UTC),
        revision_date=old.revision_date if path.exists() else datetime.now(UTC),
        last_translator="Tandem",
        msgid_bugs_address="Tandem",
        fuzzy=False,
    )
    for (message, context), places in messages_of(part, domain, language).items():
        known = old.get(message, context)
        string = known.string if known and not known.fuzzy else ""
        catalogue.add(message, string, context=context, locations=[(place, 0) for place in sorted(places)])
    return catalogue


def _all(part: Part, domain: str, language: str) -> Iterator[tuple[Any, str | None, str]]:
    folder = ROOT / part.package
    if domain == "djangojs":
        for path in sorted((folder / "static").rglob("*.js")):
            if "vendor" not in path.parts:
                yield from _from("javascript", path.read_text(), _place(path))
        if part.package == "cms":
            yield from _of_scripts_of_django(language)
        return
    for path in sorted(folder.rglob("*.py")):
        if "migrations" not in path.parts:
            is_refusing = part.package == "cms" and path.relative_to(folder).parts[0] in REFUSING
            keywords = {**KEYWORDS, **REFUSALS} if is_refusing else KEYWORDS
            yield from _from("python", path.read_text(), _place(path), keywords)
    for path in sorted((folder / "templates").rglob("*")):
        if path.suffix in (".html", ".txt"):
            yield from from_template(path.read_text(), _place(path))
    if part.package == "cms":
        yield from _names_of_models()
        yield from _of_packages(language)


def from_template(text: str, place: str) -> Iterator[tuple[Any, str | None, str]]:
    lines = templatize(text, origin=place).splitlines()
    return _from("python", "\n".join(line.strip() for line in lines), place)  # indents would be taken for blocks


def _from(
    method: str, text: str, place: str, keywords: dict[str, Any] = KEYWORDS
) -> Iterator[tuple[Any, str | None, str]]:
    with redirect_stderr(io.StringIO()):  # it warns of the texts that only look like a message
        found = list(extract(method, io.BytesIO(text.encode()), keywords))
    for _line, message, _comments, context in found:
        yield (message[:2] if isinstance(message, tuple) else message), context, place


def _names_of_models() -> Iterator[tuple[str, None, str]]:
    """The names of models and fields, which come from the code of the models."""
    from cms.admin.names import TRANSLATED  # noqa: PLC0415 - needs settings
    from cms.apps import register_pages  # noqa: PLC0415

    register_pages()
    yield from ((name, None, "cms/models") for name in sorted(TRANSLATED))


def _of_packages(language: str) -> Iterator[tuple[Any, str | None, str]]:
    """What the pages of Django's admin and of Unfold say and Django has not in this language."""
    import unfold  # noqa: PLC0415

    known = _known_to_django(language)
    admin = Path(django.__file__).parent / "contrib" / "admin"
    unfold_root = Path(unfold.__file__).parent
    for root, paths in ((unfold_root, [unfold_root]), (admin, [admin])):
        for path in sorted(one for folder in paths for one in folder.rglob("*")):
            place = f"{root.name}/{path.relative_to(root)}"
            if path.relative_to(root).parts[0] in ("contrib", "locale") or path.suffix not in (".py", ".html"):
                continue
            text = path.read_text()
            rows = from_template(text, place) if path.suffix == ".html" else _from("python", text, place)
            yield from (row for row in rows if (row[0], row[1]) not in known)


def _of_scripts_of_django(language: str) -> Iterator[tuple[Any, str | None, str]]:
    known, root = _known_to_django(language, "djangojs"), Path(django.__file__).parent / "contrib" / "admin" / "static"
    for path in sorted(root.rglob("*.js")):
        if "vendor" not in path.parts:
            rows = _from("javascript", path.read_text(), f"django/{path.name}")
            yield from (row for row in rows if (row[0], row[1]) not in known)


def _known_to_django(language: str, domain: str = "django") -> set[Any]:
    root = Path(django.__file__).parent
    folders = [root / "conf", *(root / "contrib").iterdir()]
    found = [folder / "locale" / language / "LC_MESSAGES" / f"{domain}.po" for folder in folders]
    known: set[Any] = set()
    for path in found:
        if path.exists():
            known |= {(one.id, one.context) for one in read_catalogue(path, language) if one.string and not one.fuzzy}
    return known


def _place(path: Path) -> str:
    return str(path.relative_to(ROOT))


def write(part: Part, domain: str, language: str, catalogue: Catalog) -> None:
    """Write the catalogue and its compiled form."""
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=110, sort_output=True, include_lineno=False)
    part.path(domain, language).parent.mkdir(parents=True, exist_ok=True)
    part.path(domain, language).write_bytes(buffer.getvalue())
    part.path(domain, language, "mo").write_bytes(compiled(catalogue))


def missing(catalogue: Catalog) -> list[Any]:
    """Return the messages without a translation that holds."""
    return [one.id for one in catalogue if one.id and (one.fuzzy or not all(_strings(one.string)))]


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cms.settings")
    django.setup()
    for part, domain, language in product(PARTS, DOMAINS, languages()):
        catalogue = update(part, domain, language)
        if len(catalogue):
            write(part, domain, language, catalogue)
            path = part.path(domain, language).relative_to(ROOT)
            print(f"{path}: {len(catalogue)} messages, {len(missing(catalogue))} to translate")


def languages() -> list[str]:
    """Return those that need a catalogue: the source is in the language of the site."""
    return [code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]


def _strings(string: Any) -> tuple[str, ...]:
    return (string,) if isinstance(string, str) else tuple(string or ("",))


if __name__ == "__main__":
    main()

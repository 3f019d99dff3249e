"""Reading WordPress exports (WXR 1.0 to 1.2): a file, or a folder of the parts that a large site is exported in.

A file is read for its authors and terms, wherever they stand, and then item by item. A first reading finds out whether
it is whole. Nothing of that is kept while other files are imported.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cms.importers import wxr_terms
from cms.importers.bounds import Kept
from cms.importers.items import Change, Changes, Remark, Skipped, UserItem
from cms.importers.keys import fit_source_name
from cms.importers.sources import Entry, Source, SourceUnreadable
from cms.importers.wxr_comments import read_comments
from cms.importers.wxr_posts import POST_TYPES, read_post, skipped_item
from cms.importers.wxr_terms import Vocabulary
from cms.importers.wxr_xml import Node, WxrFile


def looks_like(path: Path) -> bool:
    if path.is_dir():
        return any(path.glob("*.xml"))
    with path.open("rb") as source:
        head = source.read(1024)
    return head.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\x00").startswith(b"<")


def open_sources(path: Path) -> Sequence[Source]:
    """Return one source a file. Raises SourceUnreadable for a file or a folder without a readable export."""
    if path.is_file():
        return [WxrSource(path)]
    sources: list[WxrSource] = []
    broken: list[Skipped] = []
    for part in sorted(part for part in path.glob("*.xml") if part.is_file()):
        try:
            sources.append(WxrSource(part))
        except SourceUnreadable as error:
            change = Change("file", None, None, str(error))
            broken.append(Skipped(source=str(part), label=f"file {part.name}", change=change))
    if not sources:
        raise SourceUnreadable(broken[0].change.reason if broken else f"{path} holds no WordPress export.")
    sources[0].broken_parts = broken
    return sources


@dataclass
class Site:
    """The head of an export."""

    kept: Kept
    vocabulary: Vocabulary
    address: str = ""
    language: str = ""
    logins: dict[str, UserItem] = field(default_factory=dict)
    logins_by_id: dict[str, str] = field(default_factory=dict)
    logins_by_email: dict[str, str] = field(default_factory=dict)
    unstored: list[Skipped] = field(default_factory=list)

    def login_of(self, creator: str) -> str:
        """Return the declared author of this name, even with stray punctuation around it."""
        stripped = creator.strip("<> \t\"'")
        return stripped if creator not in self.logins and stripped in self.logins else creator


class WxrSource:
    """Named by the site's address, so that the parts of an export, and later exports, are one source."""

    def __init__(self, path: Path) -> None:
        self._file = WxrFile(path)
        self._path = str(path)
        self.total = self._file.total
        self.broken_parts: list[Skipped] = []
        address = self._read_head().address or str(path.resolve())
        self.name = fit_source_name(f"wxr:{address.rstrip('/')}")
        self._file.repairs.clear()  # the second reading makes them again

    @property
    def done(self) -> int:
        return self._file.done

    def __iter__(self) -> Iterator[Entry]:
        yield from self.broken_parts
        site = self._read_head()
        for repair in list(self._file.repairs):
            yield Remark(source=self._path, label="file", change=repair)
        yield from site.unstored
        yield from site.logins.values()
        yield from site.vocabulary.in_order()
        for node in self._file.records():
            if node.name == "item":
                yield from self._read_item(node, site)
        self._file.repairs.clear()

    def _read_item(self, node: Node, site: Site) -> Iterator[Entry]:
        if node.text_of("wp:post_type") not in POST_TYPES:
            yield skipped_item(node, self._path)
            return
        post = read_post(node, self._path, site.language)
        yield from self._find_author(node, post.changes, site)
        post.author = site.login_of(node.text_of("dc:creator"))
        yield from wxr_terms.attach_terms(node, post, site.vocabulary)
        yield post
        yield from read_comments(node, post, site.logins_by_id, site.logins_by_email)

    def _find_author(self, node: Node, changes: Changes, site: Site) -> Iterator[UserItem]:
        """Yield an author who is not declared: WXR 1.0 declares none, and later versions not all of them."""
        creator = node.text_of("dc:creator")
        login = site.login_of(creator)
        if login and login not in site.logins:
            user = UserItem(source=self._path, line=node.line, external_id=login, username=login, display_name=login)
            user.is_met_at_post = True
            site.logins[login] = site.kept.keep(user)
            yield user
        if login != creator:
            changes.append(Change("author", creator, login, "The author declared under this name was taken."))

    def _read_head(self) -> Site:
        kept = self._file.kept = Kept(self._path)
        site = Site(kept, Vocabulary(kept))
        is_export = False
        for node in self._file.records():
            is_export = is_export or node.name.startswith("wp:") or node.child("wp:post_type") is not None
            _read_head_node(node, site, self._path)
        if not is_export:
            raise SourceUnreadable(f"{self._path} is a feed but no WordPress export: it has no wp: elements.")
        return site


def _read_head_node(node: Node, site: Site, path: str) -> None:
    match node.name:
        case "wp:base_blog_url":
            site.address = node.text.strip() or site.address
        case "link":
            site.address = site.address or node.text.strip()
        case "language":
            site.language = node.text.strip()
        case "wp:author":
            _declare_author(node, site, path)
        case "wp:category" | "wp:tag" | "wp:term":
            if (unstored := site.vocabulary.declare(node, path)) is not None:
                site.unstored.append(site.kept.keep(unstored))


def _declare_author(node: Node, site: Site, path: str) -> None:
    login = node.text_of("wp:author_login")
    email = node.text_of("wp:author_email")
    if not login:
        return
    user = UserItem(
        source=path,
        line=node.line,
        external_id=login,
        username=login,
        email=email,
        display_name=node.text_of("wp:author_display_name") or login,
        first_name=node.text_of("wp:author_first_name"),
        last_name=node.text_of("wp:author_last_name"),
    )
    site.logins[login] = site.kept.keep(user)
    if author_id := node.text_of("wp:author_id"):
        site.kept.count(author_id)
        site.logins_by_id[author_id] = login
    if email:
        site.kept.count(email)
        site.logins_by_email[email.lower()] = login

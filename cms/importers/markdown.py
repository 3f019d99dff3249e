"""Reading a folder of Markdown files, or one file: one post or page a file, its authors and terms before it."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from cms.choices import ContentFormat, Kind, Status
from cms.importers import markdown_fields as fields
from cms.importers.bounds import OBJECT_BYTES, TEXT_MAX, Kept
from cms.importers.cleaning import is_visible
from cms.importers.front_matter import FrontMatter, split_file
from cms.importers.items import CategoryItem, Change, PostItem, Skipped, TagItem, UserItem
from cms.importers.keys import fit_source_name
from cms.importers.markdown_files import SUFFIXES, NotAPost, Tree, find_files, is_markdown, read_text, refusal_of, shown
from cms.importers.sources import Entry, SourceUnreadable
from cms.services.tags import fold_tag_name

_DATED_NAME = re.compile(r"(?P<date>\d{4}-\d{1,2}-\d{1,2})[-_ ](?P<name>.+)", re.ASCII)
# `index.fr.md` is Hugo's French page of a bundle; of another name its last part may as well belong to the slug.
_INDEX_NAME = re.compile(r"_?index(?:\.(?P<language>[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*))?")


def looks_like(path: Path) -> bool:
    return is_markdown(path) if path.is_file() else bool(find_files(path).files)


def open_sources(path: Path) -> Sequence["MarkdownSource"]:
    """Return one source. Raises SourceUnreadable for a folder without Markdown files."""
    if path.is_file():
        if not is_markdown(path):
            raise SourceUnreadable(f"{path} is not a Markdown file ({', '.join(SUFFIXES)}).")
        return [MarkdownSource(path.parent, Tree(files=[path]))]
    tree = find_files(path)
    if not tree.files and not tree.refused:
        raise SourceUnreadable(f"{path} holds no Markdown files.")
    return [MarkdownSource(path, tree)]


class MarkdownSource:
    """Named by its folder, so that a file imported alone is the same post as when the folder is imported."""

    def __init__(self, root: Path, tree: Tree) -> None:
        self.name = fit_source_name(f"markdown:{shown(root.resolve())}")
        self.total, self.done = len(tree.files), 0
        self._root, self._tree = root, tree
        self._names: dict[tuple[str, str], str] = {}
        self._kept = Kept("The folder")

    def __iter__(self) -> Iterator[Entry]:
        self.done = 0
        self._names.clear()
        self._kept = Kept("The folder")
        for path, reason in self._tree.refused:
            yield _skipped(path, self._label(path), Change("file", None, None, reason))
        for path in self._tree.files:
            self.done += 1
            try:
                yield from self._read(path)
            except Exception as error:
                yield _skipped(path, self._label(path), refusal_of(error))

    def _read(self, path: Path) -> Iterator[Entry]:
        text, changes = read_text(path)
        matter, body, _ = split_file(text)
        if not is_visible(body):
            raise NotAPost("The file has no body.")
        matter.unfold("taxonomies")
        is_jekyll, date_in_name, name = self._parts_of_name(path)
        item = PostItem(
            source=shown(path),
            line=1,
            external_id=self._label(path),
            title="",
            content=body[:TEXT_MAX],
            content_format=ContentFormat.MARKDOWN,
            changes=changes,
        )
        if index := _INDEX_NAME.fullmatch(path.stem):
            item.kind = Kind.PAGE if path.stem.startswith("_") else item.kind
            item.language = index["language"] or ""
        if "_drafts" in path.relative_to(self._root).parts:
            item.status = Status.DRAFT
        fields.read_title(matter, item, body, name)
        fields.read_slug(matter, item, name)
        fields.read_texts(matter, item)
        fields.read_kind(matter, item)
        fields.read_state(matter, item)
        fields.read_instants(matter, item, date_in_name)
        fields.read_old_paths(matter, item)
        yield from self._authors(matter, item)
        yield from self._tags(matter, item, is_jekyll)
        yield from self._categories(matter, item, is_jekyll)
        fields.note_rest(matter, item)
        yield item

    def _parts_of_name(self, path: Path) -> tuple[bool, str, str]:
        """Whether the file is one of Jekyll's, the date in its name or its folder's, and the rest of that name."""
        is_index = _INDEX_NAME.fullmatch(path.stem) and path.parent != self._root
        stem = os.fsencode(path.parent.name if is_index else path.stem).decode("utf-8", "replace")
        if match := _DATED_NAME.fullmatch(stem):
            return True, match["date"], match["name"]
        return "_posts" in path.parts or "_drafts" in path.parts, "", stem

    def _authors(self, matter: FrontMatter, item: PostItem) -> Iterator[Entry]:
        authors = fields.read_authors(matter, item)
        for author in authors:
            if self._is_new("user", author.name, author.name, author.email, author.bio):
                yield UserItem(
                    source=item.source,
                    line=item.lines["author"],
                    external_id=author.name,
                    username=author.name,
                    display_name=author.name,
                    email=author.email,
                    bio=author.bio,
                    is_met_at_post=True,
                )
        names = list(dict.fromkeys(author.name for author in authors))
        if names:
            item.author, item.co_authors = names[0], names[1:]

    def _tags(self, matter: FrontMatter, item: PostItem, is_jekyll: bool) -> Iterator[Entry]:
        for name in fields.read_terms(matter, item, fields.TAG_KEYS, is_jekyll=is_jekyll):
            key = fold_tag_name(name)
            if self._is_new("tag", key, name):
                line = item.lines["tags"]
                yield TagItem(source=item.source, line=line, external_id=key, name=name, is_met_at_post=True)
            elif (known := self._names["tag", key]) != name:
                item.note("tags", name, known, "Tags that differ in capitals only are one tag.")
            if key not in item.tags:
                item.tags.append(key)

    def _categories(self, matter: FrontMatter, item: PostItem, is_jekyll: bool) -> Iterator[Entry]:
        named = fields.read_terms(matter, item, fields.CATEGORY_KEYS, is_jekyll=is_jekyll)
        item.categories = list(dict.fromkeys([*self._folders_above_posts(item), *named]))
        for name in item.categories:
            if self._is_new("category", name, name):
                line = item.lines.get("categories", 1)
                yield CategoryItem(source=item.source, line=line, external_id=name, name=name, is_met_at_post=True)

    def _folders_above_posts(self, item: PostItem) -> list[str]:
        """Return folders as categories: in Jekyll `news/_posts/2020-01-02-a.md` is in the category news."""
        above, found, _ = item.external_id.partition("_posts/")
        return [name for name in above.split("/") if name] if found else []

    def _is_new(self, noun: str, key: str, name: str, *more: str) -> bool:
        if (noun, key) in self._names:
            return False
        self._kept.count(key, name, *more, base=OBJECT_BYTES)
        self._names[noun, key] = name
        return True

    def _label(self, path: Path) -> str:
        return shown(path.relative_to(self._root))


def _skipped(path: Path, label: str, change: Change) -> Skipped:
    return Skipped(source=shown(path), label=f"file {label}", change=change)

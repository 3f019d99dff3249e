"""The categories and tags of a WordPress export: those it declares, and those that only stand at a post."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from cms.importers.bounds import Kept
from cms.importers.cleaning import is_visible, plain_text_of
from cms.importers.items import CategoryItem, Change, Item, PostItem, Skipped, TagItem
from cms.importers.threads import in_thread_order
from cms.importers.wxr_xml import Node
from cms.text.slugs import slugify

_NOUNS = {"category": "category", "post_tag": "tag", "tag": "tag"}


@dataclass
class Vocabulary:
    """Declared terms by the nicename they have in addresses. A child may be declared before its parent."""

    kept: Kept
    categories: dict[str, CategoryItem] = field(default_factory=dict)
    tags: dict[str, TagItem] = field(default_factory=dict)
    _by_name: dict[tuple[str, str], str] = field(default_factory=dict)

    def declare(self, node: Node, path: str) -> Skipped | None:
        """Take in a wp:category, wp:tag or wp:term; a term of another taxonomy comes back as skipped."""
        taxonomy = node.text_of("wp:term_taxonomy")
        if node.name == "wp:term" and taxonomy not in _NOUNS:
            change = Change("taxonomy", taxonomy, None, "Terms of this taxonomy are not imported.", node.line)
            return Skipped(source=path, label=f"term {node.text_of('wp:term_slug')}", change=change)
        if node.name == "wp:tag" or _NOUNS.get(taxonomy) == "tag":
            names = ("wp:tag_name", "wp:tag_slug", "wp:tag_description")
            self._add("tag", node, path, names if node.name == "wp:tag" else _TERM)
        else:
            names = ("wp:cat_name", "wp:category_nicename", "wp:category_description")
            self._add("category", node, path, names if node.name == "wp:category" else _TERM)
        return None

    def _add(self, noun: str, node: Node, path: str, names: tuple[str, str, str]) -> None:
        raw_name, nicename, description = (node.text_of(name) for name in names)
        nicename = nicename or slugify(raw_name, fallback=noun)
        known = self.categories if noun == "category" else self.tags
        if nicename not in known:
            item = self.add(noun, nicename, raw_name, path, node.line)
            item.description = description
            if isinstance(item, CategoryItem):
                item.parent = node.text_of("wp:category_parent") or node.text_of("wp:term_parent") or None
            self.kept.keep(item)

    def add(self, noun: str, nicename: str, raw_name: str, path: str, line: int) -> CategoryItem | TagItem:
        name = plain_text_of(raw_name) or nicename
        kind: type[CategoryItem | TagItem] = CategoryItem if noun == "category" else TagItem
        item = kind(source=path, line=line, external_id=nicename, name=name, slug=unquote(nicename))
        if name != raw_name:
            item.note("name", raw_name, name, "Names are plain text.")
        if item.slug != nicename:
            item.note("slug", nicename, item.slug, "Slugs are stored as the letters they stand for.")
        if isinstance(item, CategoryItem):
            self.categories[nicename] = item
        else:
            self.tags[nicename] = item
        self.kept.count(raw_name)
        self._by_name.setdefault((noun, raw_name.casefold()), nicename)
        return item

    def nicename_of(self, noun: str, name: str) -> str | None:
        return self._by_name.get((noun, name.casefold()))

    def in_order(self) -> Iterator[Item]:
        """Yield parents before their children; a circle is opened, and a parent that nobody declares is left out."""
        for item in self.categories.values():
            if item.parent is not None and item.parent not in self.categories:
                # Old exports name the parent, later ones give its nicename.
                item.parent = self.nicename_of("category", item.parent) or item.parent
        yield from in_thread_order(self.categories, "No category of this name is declared.")
        yield from list(self.tags.values())


_TERM = ("wp:term_name", "wp:term_slug", "wp:term_description")


def attach_terms(node: Node, post: PostItem, vocabulary: Vocabulary) -> Iterator[Item]:
    """Give the post its terms; those that are not declared are yielded before it."""
    lost: list[str] = []
    own: dict[str, dict[str, None]] = {"category": {}, "tag": {}}
    for child in node.children:
        if child.name != "category":
            continue
        # In WXR 1.0 each term stands twice, once without a nicename.
        noun = _NOUNS.get(child.attributes.get("domain", "category"))
        name = child.text.strip()
        if noun is None:
            lost.append(f"{child.attributes['domain']}: {child.attributes.get('nicename') or name}")
            continue
        if not is_visible(name) and not child.attributes.get("nicename"):
            continue
        known = vocabulary.categories if noun == "category" else vocabulary.tags
        nicename = child.attributes.get("nicename") or vocabulary.nicename_of(noun, name)
        nicename = nicename or slugify(name, fallback=noun)
        if nicename not in known:
            met = vocabulary.add(noun, nicename, name, post.source, child.line)
            met.is_met_at_post = True
            yield vocabulary.kept.keep(met)
        own[noun][nicename] = None
    post.categories, post.tags = [*own["category"]], [*own["tag"]]
    if lost:
        post.note("terms", lost, None, "Terms of these taxonomies are not imported.")

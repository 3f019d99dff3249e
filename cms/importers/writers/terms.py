"""Writing tags and categories."""

from cms import limits
from cms.importers.cleaning import Notes, choose_slug, fit_category_name, fit_tag_name, fit_text
from cms.importers.context import Context
from cms.importers.items import CategoryItem, TagItem
from cms.models import Category, Tag
from cms.policy import SYSTEM
from cms.services.categories import CategoryFields, create_category, update_category
from cms.services.slugs import free_number
from cms.services.tags import TagFields, create_tag, fold_tag_name, update_tag


def create_tag_from(context: Context, item: TagItem, notes: Notes) -> tuple[Tag, bool]:
    """Return the tag and whether it is new: a tag whose name differs only in case is the same one."""
    name = fit_tag_name(item.name, notes)
    twin = Tag.objects.filter(name_key=fold_tag_name(name)).first()
    if twin is not None:
        _note_twin(twin, item, notes)
        return twin, False
    fields: TagFields = {"name": name, "slug": choose_slug(Tag, item.slug, name, notes)}
    fields["description"] = fit_text("description", item.description, limits.DESCRIPTION_MAX, notes)
    if item.id is not None:
        fields["id"] = item.id
    return create_tag(actor=SYSTEM, fields=fields, now=context.now), True


def update_tag_from(context: Context, tag: Tag, item: TagItem, notes: Notes) -> Tag:
    name = fit_tag_name(item.name, notes)
    if Tag.objects.filter(name_key=fold_tag_name(name)).exclude(pk=tag.pk).exists():
        notes.note("name", item.name, tag.name, "Another tag has this name.")
        name = tag.name
    changes: TagFields = {"name": name, "slug": choose_slug(Tag, item.slug, name, notes, own=tag)}
    changes["description"] = fit_text("description", item.description, limits.DESCRIPTION_MAX, notes)
    return update_tag(actor=SYSTEM, tag=tag, changes=changes, now=context.now)


def create_category_from(context: Context, item: CategoryItem, notes: Notes) -> tuple[Category, bool]:
    """Return the category and whether it is new: one of the site with the same name and parent is the same category."""
    parent = _parent(context, item, notes)
    name = fit_category_name(item.name, notes)
    twin = Category.objects.filter(parent=parent, name=name).first()
    if twin is not None and not context.has_imported("category", twin.pk):
        _note_twin(twin, item, notes)
        return twin, False
    fields: CategoryFields = {
        "name": _free_name(name, parent, None, notes),
        "slug": choose_slug(Category, item.slug, name, notes),
        "description": fit_text("description", item.description, limits.DESCRIPTION_MAX, notes),
        "parent": parent,
        "is_active": item.is_active,
    }
    if item.id is not None:
        fields["id"] = item.id
    return create_category(actor=SYSTEM, fields=fields, now=context.now), True


def update_category_from(context: Context, category: Category, item: CategoryItem, notes: Notes) -> Category:
    parent = _parent(context, item, notes)
    name = fit_category_name(item.name, notes)
    changes: CategoryFields = {
        "name": _free_name(name, parent, category, notes),
        "slug": choose_slug(Category, item.slug, name, notes, own=category),
        "description": fit_text("description", item.description, limits.DESCRIPTION_MAX, notes),
        "parent": parent,
    }
    return update_category(actor=SYSTEM, category=category, changes=changes, now=context.now)


def _note_twin(twin: Tag | Category, item: TagItem | CategoryItem, notes: Notes) -> None:
    for name in ("name", "slug", "description"):
        original, kept = getattr(item, name), getattr(twin, name)
        if original and original != kept:
            notes.note(name, original, kept, f"A {item.noun} with this name exists and was left as it is.")


def _parent(context: Context, item: CategoryItem, notes: Notes) -> Category | None:
    if item.parent is None:
        return None
    parent: Category | None = context.find("category", item.parent)
    if parent is None:
        notes.note("parent", item.parent, None, "The parent could not be imported; the category stands at the top.")
    return parent


def _free_name(name: str, parent: Category | None, own: Category | None, notes: Notes) -> str:
    siblings = Category.objects.filter(parent=parent)
    if own is not None:
        siblings = siblings.exclude(pk=own.pk)
    if not siblings.filter(name=name).exists():
        return name
    free = _numbered(name, free_number(lambda number: siblings.filter(name=_numbered(name, number)).exists()))
    notes.note("name", name, free, "Another category with this name stands under the same parent.")
    return free


def _numbered(name: str, number: int) -> str:
    suffix = f" ({number})"
    return name[: limits.CATEGORY_NAME[1] - len(suffix)] + suffix

"""Sources of imports that are written to cost more than they weigh, by format and name of the file."""

from collections.abc import Callable, Mapping
from typing import Final

type Sources = Mapping[str, Callable[[int], str]]
"""By name; each takes the number of characters that it shall have, about."""


def _filled(before: str, piece: str, after: str = "") -> Callable[[int], str]:
    return lambda size: before + piece * (size // len(piece)) + after


def _numbered(before: str, piece: str, after: str = "") -> Callable[[int], str]:
    """`piece` with another number each time, and the one behind it."""
    return lambda size: (
        before + "".join(piece.format(number, number + 1) for number in range(size // (len(piece) + 4))) + after
    )


_CATEGORY: Final = (
    "<wp:category><wp:category_nicename>a{0}</wp:category_nicename>"
    "<wp:category_parent>a{1}</wp:category_parent></wp:category>"
)
_CHANNEL: Final = (
    '<rss xmlns:wp="http://wordpress.org/export/1.2/" xmlns:content="http://purl.org/rss/1.0/modules/content/">'
    "<channel><wp:wxr_version>1.2</wp:wxr_version>"
)
_ITEM: Final = "<item><wp:post_type>post</wp:post_type><wp:post_id>1</wp:post_id><title>A</title>"
_END: Final = "</channel></rss>"
_GHOST: Final = '{"db":[{"meta":{"version":"5.0"},"data":{"posts":['
_TANDEM: Final = '{"format":"tandem","version":1,"posts":['

WXR: Final[Sources] = {
    "entities": lambda size: (
        '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">' + '<!ENTITY b "&a;&a;">' * (size // 20) + "]><rss/>"
    ),
    "items without an end": _filled(_CHANNEL, "<item>"),
    "empty items": _filled(_CHANNEL, "<item/>", _END),
    "items of nothing but a type": _filled(_CHANNEL, "<item><wp:post_type>post</wp:post_type></item>", _END),
    "an item of many elements": _filled(_CHANNEL + _ITEM, "<a/>", f"</item>{_END}"),
    "an item of many categories": _numbered(
        _CHANNEL + _ITEM, '<category domain="post_tag" nicename="a{0}">A</category>', f"</item>{_END}"
    ),
    "an item of many comments": _numbered(
        _CHANNEL + _ITEM,
        "<wp:comment><wp:comment_id>{1}</wp:comment_id><wp:comment_parent>{0}</wp:comment_parent></wp:comment>",
        f"</item>{_END}",
    ),
    "an item of empty comments": _filled(_CHANNEL + _ITEM, "<wp:comment/>", f"</item>{_END}"),
    "an item of much metadata": _filled(
        _CHANNEL + _ITEM, f"<wp:postmeta><wp:meta_value>{'a' * 8_000}</wp:meta_value></wp:postmeta>", f"</item>{_END}"
    ),
    "an item of elements with attributes": _filled(_CHANNEL + _ITEM, '<a b="" c="" d=""/>', f"</item>{_END}"),
    "an item of many addresses": _filled(_CHANNEL + _ITEM, "<link>a</link>", f"</item>{_END}"),
    "many names": _numbered(_CHANNEL, "<item><a{0}/></item>", _END),
    "terms of another taxonomy": _filled(_CHANNEL, "<wp:term/>", _END),
    "terms of many names": _numbered(_CHANNEL, "<wp:tag><wp:tag_slug>{0}</wp:tag_slug></wp:tag>", _END),
    "items of new terms": _numbered(_CHANNEL, f'{_ITEM}<category nicename="{{0}}">A</category></item>', _END),
    "many authors": _numbered(_CHANNEL, "<wp:author><wp:author_login>a{0}</wp:author_login></wp:author>", _END),
    "categories above each other": _numbered(_CHANNEL, _CATEGORY, _END),
    "categories below each other": _numbered(_CHANNEL, _CATEGORY.format("{1}", "{0}"), _END),
    "categories below a circle": _numbered(_CHANNEL, _CATEGORY.format("{1}", "{0}"), f"{_CATEGORY.format(0, 0)}{_END}"),
    "a long text": _filled(f"{_CHANNEL}{_ITEM}<content:encoded>", "a", f"</content:encoded></item>{_END}"),
    "a long text of entities": _filled(
        f"{_CHANNEL}{_ITEM}<content:encoded>", "&amp;", f"</content:encoded></item>{_END}"
    ),
    "a section without an end": _filled(f"{_CHANNEL}{_ITEM}<content:encoded><![CDATA[", "]"),
    "a long tag": _filled(f"{_CHANNEL}<item a='", "a"),
    "many attributes": _numbered(f"{_CHANNEL}<item ", "a{0}='' ", f"></item>{_END}"),
    "many namespaces": _numbered("<rss ", "xmlns:a{0}='a' ", f"><channel>{_END}"),
    "depth": _filled(_CHANNEL, "<a>"),
    "a comment without an end": _filled(f"{_CHANNEL}<!--", "- "),
    "blanks": _filled("", " "),
    "control characters": _filled(f"{_CHANNEL}{_ITEM}<title>", "\x01\n", f"</title></item>{_END}"),
}
MARKDOWN: Final[Sources] = {
    "YAML: aliases": lambda size: (
        "---\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1},' * 9 if n else 'a'}]\n" for n in range(size // 60)) + "---\n"
    ),
    "YAML: one alias many times": lambda size: f"---\na: &a {'a' * (size // 2)}\nb: [{'*a,' * (size // 6)}]\n---\n",
    "YAML: brackets": _filled("---\na: ", "[", "\n---\n"),
    "YAML: braces": _filled("---\na: ", "{a: ", "\n---\n"),
    "YAML: indents": lambda size: "---\n" + "".join(f"{' ' * n}a:\n" for n in range(int((2 * size) ** 0.5))) + "---\n",
    "YAML: dashes": _filled("---\n", "- ", "a\n---\n"),
    "YAML: many keys": _numbered("---\n", "a{0}: b\n", "---\n"),
    "YAML: one key many times": _filled("---\n", "a: b\n", "---\n"),
    "YAML: a long key": _filled("---\n", "a", ": b\n---\n"),
    "YAML: merged": _filled("---\nb: &b {a: a}\nc:\n", "  <<: *b\n", "---\n"),
    "YAML: a folded text": _filled("---\na: >\n", "  a\n\n", "---\n"),
    "YAML: quotes": _filled('---\na: "', "\\n", '"\n---\n'),
    "YAML: tags": _filled("---\na: ", "!!a ", "a\n---\n"),
    "YAML: without an end": _filled("---\n", "a: b\n"),
    "TOML: dots": _filled("+++\n", "a.", "a = 1\n+++\n"),
    "TOML: tables": _numbered("+++\n", "[a{0}.b.c]\n", "+++\n"),
    "TOML: tables of tables": _filled("+++\n", "[[a]]\n", "+++\n"),
    "TOML: brackets": _filled("+++\na = ", "[", "\n+++\n"),
    "TOML: braces": _filled("+++\na = ", "{a=", "\n+++\n"),
    "TOML: many keys": _numbered("+++\n", "a{0} = 1\n", "+++\n"),
    "TOML: a long number": _filled("+++\na = ", "9", "\n+++\n"),
    "TOML: quotes": _filled("+++\na = ", '"" ', "\n+++\n"),
    "TOML: short keys with blanks": _filled("+++\n", "a . ", "a = 1\n+++\n"),
    "JSON: brackets": _filled('{"a":', "["),
    "JSON: a long number": _filled('{"a":', "9", "}\n"),
    "JSON: many members": _numbered("{", '"a{0}":1,', '"a":1}\n'),
    "lists of fields": lambda size: f"---\ntags: [{','.join('a' * (size // 2))}]\n---\nA",
    "many tags": lambda size: f"---\ntags: [{','.join(f'a{n}' for n in range(size // 8))}]\n---\nA",
    "a long line": _filled("", "a"),
    "line ends": _filled("", "\r"),
    "rulers": _filled("", "---\n"),
    "Liquid": _filled("---\na: b\n---\n", "{% raw %}{{"),
    "links": _filled("---\na: b\n---\n", "![["),
    "control characters": _filled("", "\x00"),
}
GHOST: Final[Sources] = {
    "brackets": _filled(_GHOST, "["),
    "posts without an end": _filled(_GHOST, '{"id":1},'),
    "posts of one id with many links": lambda size: (
        '{"db":[{"data":{"tags":[{"id":"t"}],"posts_tags":['
        + '{"post_id":"p","tag_id":"t"},' * (size // 60)
        + '0],"posts":['
        + '{"id":"p"},' * (size // 22)
        + "0]}}]}"
    ),
    "empty posts": _filled(_GHOST, "{},", "{}]}}]}"),
    "a long text": _filled(f'{_GHOST}{{"id":"1","html":"', "a", '"}]}}]}'),
    "escapes": _filled(f'{_GHOST}{{"id":"1","html":"', "\\u0001", '"}]}}]}'),
    "a long number": _filled(f'{_GHOST}{{"id":', "9", "}]}}]}"),
    "one member many times": _filled(f"{_GHOST}{{", '"id":1,', '"id":1}]}}]}'),
    "many members": _numbered(f"{_GHOST}{{", '"a{0}":1,', '"id":1}]}}]}'),
    "mobiledoc in itself": lambda size: f'{_GHOST}{{"id":"1","mobiledoc":"{"[" * size}"}}]}}}}]}}',
    "cards": lambda size: (
        f'{_GHOST}{{"id":"1","mobiledoc":"{{\\"version\\":\\"0.3.1\\",\\"atoms\\":[],\\"cards\\":[],\\"markups\\":[],'
        f'\\"sections\\":[{"[10,0]," * (size // 7)}[10,0]]}}"}}]}}}}]}}'
    ),
    "blanks": _filled('{"db":', " "),
    "a value of lists": _filled(f'{_GHOST}{{"id":1,"a":[', "[],", "[]]}]}}]}"),
    "a value of objects": _filled(f'{_GHOST}{{"id":1,"a":[', "{},", "{}]}]}}]}"),
    "a value of numbers": _filled(f'{_GHOST}{{"id":1,"a":[', "1,", "1]}]}}]}"),
    "mobiledoc of lists": lambda size: f'{_GHOST}{{"id":"1","mobiledoc":"[{"[]," * (size // 3)}[]]"}}]}}}}]}}',
    "empty users": _filled('{"db":[{"data":{"posts":[],"users":[', "{},", "{}]}}]}"),
    "users that are none": _filled('{"db":[{"data":{"posts":[],"users":[', "0,", "0]}}]}"),
    "many tables": _numbered('{"db":[{"data":{', '"{0}":[0],', '"posts":[]}}]}'),
    "empty links": _filled('{"db":[{"data":{"posts_tags":[', "{},", '{}],"posts":[]}}]}'),
    "metadata of posts": _numbered('{"db":[{"data":{"posts_meta":[', '{{"post_id":{0}}},', '{}],"posts":[]}}]}'),
    "new tags of posts": _numbered(f'{_GHOST}{{"id":1,"tags":[', '{{"id":{0}}},', "{}]}]}}]}"),
    "new tags of many posts": _numbered(_GHOST, '{{"id":{0},"tags":[{{"id":{0}}}]}},', "{}]}}]}"),
    "tags of posts": _filled('{"db":[{"data":{"posts_tags":[', '{"post_id":1,"tag_id":1},', '{}],"posts":[]}}]}'),
}
TANDEM: Final[Sources] = {
    "brackets": _filled(_TANDEM, "["),
    "empty posts": _filled(_TANDEM, "{},", "{}]}"),
    "a long text": _filled(f'{_TANDEM}{{"title":"A","content":"', "a", '"}]}'),
    "many members": _numbered(f"{_TANDEM}{{", '"a{0}":1,', '"id":1}]}'),
    "blanks": _filled('{"format":"tandem",', "\n"),
    "one member many times": _filled(f"{_TANDEM}{{", '"a":0,', '"id":1}]}'),
    "lists in a header": _numbered('{"format":"tandem","version":1,', '"a{0}":[[],[],[]],', '"posts":[]}'),
    "a post of empty comments": _filled(f'{_TANDEM}{{"comments":[', "{},", "{}]}]}"),
    "a post of many comments": _numbered(f'{_TANDEM}{{"comments":[', '{{"text":"{0}"}},', "{}]}]}"),
    "new tags of a post": _numbered(f'{_TANDEM}{{"title":"A","tags":[', '"{0}",', '"a"]}]}'),
    "empty users": _filled('{"format":"tandem","version":1,"users":[', "{},", '{}],"posts":[]}'),
    "tags that are none": _filled('{"format":"tandem","version":1,"tags":[', "0,", '0],"posts":[]}'),
}
type Uploads = Mapping[str, Callable[[int], list[tuple[str, str]]]]
"""Names and texts of a zip's files; each takes how many rows, or values of a row, a file shall have."""


def _files(many: int, ending: str, text: Callable[[int], str]) -> Callable[[int], list[tuple[str, str]]]:
    return lambda rows: [(f"part{number}.{ending}", text(rows)) for number in range(many)]


def _rows(before: str, row: str, after: str) -> Callable[[int], str]:
    """Rows with a number each."""
    return lambda rows: before + ",".join(row % number for number in range(rows)) + after


def _crowded(before: str, row: str, after: str) -> Callable[[int], str]:
    """Rows with a number and very many values each: together they take more than a bound of one value allows."""
    return lambda values: _rows(before, row, after)(16).replace("[]", f"[{'{},' * values}0]")


UPLOADS: Final[Uploads] = {
    "Ghost: tags": _files(8, "json", _rows('{"db":[{"data":{"tags":[', '{"id":"%d"}', "]}}]}")),
    "Ghost: values of users": _files(2, "json", _crowded('{"db":[{"data":{"users":[', '{"id":"%d","a":[]}', "]}}]}")),
    "Ghost: values of metadata": _files(
        2, "json", _crowded('{"db":[{"data":{"tags":[0],"posts_meta":[', '{"post_id":"%d","a":[]}', "]}}]}")
    ),
    "Ghost: values that stand twice": _files(
        12, "json", lambda rows: f'{{"db":[{{"data":{{"posts":[]}}}}],"z":{{"a":[{"{}," * (3 * rows)}0],"a":1}}}}'
    ),
    "WordPress: authors": _files(
        3,
        "xml",
        lambda rows: (
            _CHANNEL
            + "".join(f"<wp:author><wp:author_login>{number}</wp:author_login></wp:author>" for number in range(rows))
            + _END
        ),
    ),
    "an export: values of tags": lambda values: [
        (
            "tandem.json",
            _crowded('{"format":"tandem","version":1,"tags":[', '{"name":"%d","a":[]}', '],"posts":0}')(2 * values),
        )
    ],
    "Markdown: tags": _files(4, "md", _rows("---\ntags: [", "a%d", "]\n---\nA")),
}
SOURCES: Final[Mapping[str, tuple[str, Sources]]] = {
    "wxr": ("export.xml", WXR),
    "markdown": ("post.md", MARKDOWN),
    "ghost": ("export.json", GHOST),
    "tandem": ("posts.json", TANDEM),
}
"""By format: the name of the file, and the hostile ones. A new format has to have some."""

"""Two hundred English words of a real blog find the same posts on both engines; each engine is a process of its own.

The blog is imported into SQLite and copied from there: that the importer writes the same on both is for its own tests.
"""

import json
import re
import subprocess
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cms.search.english import STOP_WORDS
from tests.databases import copied_database, process_env
from tests.servers import manage

type Command = tuple[str, ...]

# Words as they are written, by how many of the files have them, and how many to draw of each band.
BANDS = ((1, 1, 30), (2, 5, 30), (6, 20, 30), (21, 100, 30), (101, 600, 20))
KINDS = {"ing": 15, "ed": 15, "s": 15}
SEARCH_EACH = """
import json, sys
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from cms.models import Post
from cms.search import filter_posts, search_posts
now, found, reader = timezone.now(), {}, AnonymousUser()
visible = Post.objects.visible_to(reader, now).posts()
for word in json.load(sys.stdin):
    results = search_posts(word, user=reader, now=now, limit=1)
    posts = sorted(filter_posts(visible, word).values_list("slug", flat=True))
    found[word] = {"posts": posts, "total": results.total, "facets": results.facets["tags"]}
print(json.dumps(found))
"""


def evenly(words: list[str], count: int) -> list[str]:
    return [words[index * len(words) // count] for index in range(min(count, len(words)))]


def draw_words(folder: Path) -> list[str]:
    """Exactly 200, the same in every run: of every frequency, capitalised ones, plurals, -ing and -ed, accents, stop words."""
    counts: Counter[str] = Counter()
    for path in sorted(folder.rglob("*.md")):
        counts.update(set(re.findall(r"[^\W\d_]{2,20}", unicodedata.normalize("NFC", path.read_text()))))
    telling = sorted(word for word in counts if word.lower() not in STOP_WORDS)
    plain = [word for word in telling if word.isascii()]
    drawn: dict[str, None] = dict.fromkeys(evenly([word for word in telling if not word.isascii()], 5))
    drawn |= dict.fromkeys(evenly(sorted(STOP_WORDS), 5))
    for ending, count in KINDS.items():
        drawn |= dict.fromkeys(evenly([word for word in plain if word.endswith(ending) and counts[word] > 2], count))
    for least, most, count in BANDS:
        drawn |= dict.fromkeys(evenly([word for word in plain if least <= counts[word] <= most], count))
    drawn |= dict.fromkeys(evenly([word for word in plain if word.istitle() and counts[word] > 5], 60))
    return list(drawn)[:200]


def search_on(
    template: str, folder: Path, fill: tuple[Command, ...], words: list[str], then: tuple[Command, ...] = ()
) -> dict[str, dict[str, Any]]:
    """By word: the slugs of the posts that have it, and what a search says of it."""
    with copied_database(template, folder) as url:
        env = process_env(url)
        for command in fill:
            _must(manage(*command, env=env, timeout=600))
        found = _must(manage("shell", "--no-imports", "-c", SEARCH_EACH, env=env, input=json.dumps(words), timeout=600))
        for command in then:
            _must(manage(*command, env=env, timeout=600))
        return json.loads(found)  # type: ignore[no-any-return]


def _must(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_two_hundred_english_words_find_the_same_posts_on_both_engines(
    corpora: Path, template_of: Callable[[str], str], tmp_path: Path
) -> None:
    corpus = corpora / "18f-blog/content/posts"
    words = draw_words(corpus)
    assert len(words) == 200
    copied = str(tmp_path / "blog.json")
    bring = ("import_content", str(corpus), "--report", str(tmp_path / "report"))
    take = ("dumpdata", "cms.user", "cms.category", "cms.tag", "cms.post", "-o", copied)
    sqlite = search_on(template_of("sqlite"), tmp_path, (bring,), words, then=(take,))
    index = ("shell", "--no-imports", "-c", "from cms.search import reindex; reindex()")
    postgresql = search_on(template_of("postgresql"), tmp_path, (("loaddata", copied), index), words)
    assert [word for word in words if sqlite[word] != postgresql[word]] == []
    assert [word for word, found in sqlite.items() if found["total"] != len(found["posts"])] == []
    # Otherwise they could agree on nothing: only stop words, and what stands in links and code, may be in no text.
    assert sum(found["total"] > 0 for found in sqlite.values()) >= 190

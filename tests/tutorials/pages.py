"""How the pages are played whose shell blocks a reader can do in a checkout."""

import json
from collections.abc import Mapping
from typing import Final, NamedTuple

from tests.cms.importers import samples
from tests.tutorials.sessions import Step

PRESSED: Final = """
json() { curl -s "http://127.0.0.1:8000/api/v2/$1" -H 'Content-Type: application/json' "${@:2}"; }
member() { python3 -c "import json, sys; print(json.load(sys.stdin)['$1'])"; }
TOKEN=$(json auth/token -d '{"email": "editor@example.com", "password": "tandem-demo-2026"}' | member access_token)
SENT='{"title": "My first post", "content": "Hello, *reader*."}'
ID=$(json posts -H "Authorization: Bearer $TOKEN" -d "$SENT" | member id)
json "posts/$ID/actions/publish" -H "Authorization: Bearer $TOKEN" -d '{}'
"""
"""In place of the buttons that the front page has its reader press, which tests/browser plays."""
BACK: Final = "manage.py canary rollback --reason played; manage.py canary ack --reason played"


class Page(NamedTuple):
    """How a page is played."""

    files: Mapping[str, str] = {}
    """The reader's own files, by their paths from the checkout."""
    before: str = ""
    after: str = ""
    words: Mapping[str, str] = {}
    """What a reader writes in place of words of the page."""
    env: Mapping[str, str] = {}

    def played(self, step: Step) -> Step:
        script = step.script
        for word, own in self.words.items():
            script = script.replace(word, own)
        return step._replace(script=script)


WXR: Final = {"export.xml": samples.WXR}
PAGES: Final = {
    "README.md": Page({**WXR, "../my-blog/_posts/2020-01-02-a.md": samples.YAML}, before=PRESSED),
    "docs/api.md": Page(),
    "docs/api-v2.md": Page(),
    "docs/canary.md": Page(after=BACK),
    "docs/entrance.md": Page(),
    "docs/faq.md": Page(
        words={"YOU@example.org\n": "YOU@example.org --password-stdin <<< 'typed on a terminal'\n"},
        env={"DATABASE_URL": "sqlite:///empty.sqlite3"},
    ),
    "docs/guides/ghost.md": Page({"ghost.json": json.dumps(samples.GHOST)}),
    "docs/guides/wordpress.md": Page(WXR),
    "docs/importing.md": Page(WXR),
    "docs/tutorials/first-rollout.md": Page(),
    "docs/tutorials/moving-a-client.md": Page(),
}
IN_TESTS_OF_THEIR_OWN: Final = {"docs/guides/backup-drill.md", "docs/tutorials/blog-with-astro.md"}
TRANSLATED: Final = {"README.ja.md"}
"""`tests/test_docs.py` compares their commands with those of the English pages."""

"""A small valid document of every format that can be imported."""

import json
from typing import Any, Final

from tests.cms.importers.conftest import WXR_HEAD

YAML: Final = """---
title: A title
date: 2020-01-02 03:04:05 +0100
slug: a-slug
tags: [one, "two"]
categories:
- News
authors: [Mia, {name: Bo, email: bo@example.org}]
aliases: /old/
draft: false
expiryDate: 2030-01-01
---
Body text.
"""
TOML: Final = """+++
title = "A title"
date = 2020-01-02T03:04:05Z
slug = "a.slug"
draft = false
[taxonomies]
tags = ["one", "two"]
[extra]
x.y = [1, {z = 2}]
+++
Body text.
"""
WXR: Final = (
    WXR_HEAD
    + """<wp:author><wp:author_login>mia</wp:author_login><wp:author_email>mia@example.org</wp:author_email></wp:author>
<wp:category><wp:category_nicename>a</wp:category_nicename><wp:cat_name>A</wp:cat_name></wp:category>
<item><title>T</title><link>https://old.example/t/</link><dc:creator>mia</dc:creator>
<content:encoded><![CDATA[<p>Words.</p>]]></content:encoded><wp:post_id>7</wp:post_id>
<wp:post_date_gmt>2015-01-02 03:04:05</wp:post_date_gmt><wp:post_name>t</wp:post_name><wp:status>publish</wp:status>
<wp:post_type>post</wp:post_type><category domain="category" nicename="a"><![CDATA[A]]></category>
<wp:comment><wp:comment_id>1</wp:comment_id><wp:comment_author>Bo</wp:comment_author>
<wp:comment_content>Hear.</wp:comment_content><wp:comment_approved>1</wp:comment_approved></wp:comment>
</item></channel></rss>
"""
)
GHOST: Final[dict[str, Any]] = {
    "db": [
        {
            "meta": {"version": "5.0.0", "exported_on": 1},
            "data": {
                "posts": [
                    {
                        "id": "p1", "title": "T", "slug": "t", "html": "<p>x</p>", "status": "published", "page": False,
                        "visibility": "public", "published_at": "2015-01-02T03:04:05.000Z", "custom_excerpt": "E",
                    }
                ],
                "tags": [{"id": "t1", "name": "Red", "slug": "red"}],
                "users": [{"id": "u1", "name": "Mia", "slug": "mia", "email": "mia@example.org"}],
                "posts_tags": [{"post_id": "p1", "tag_id": "t1", "sort_order": 0}],
                "posts_authors": [{"post_id": "p1", "author_id": "u1", "sort_order": 0}],
                "posts_meta": [{"post_id": "p1", "meta_title": "M"}],
            },
        }
    ]
}  # fmt: skip
ID: Final = "01900000-0000-7000-8000-00000000000{}"
TANDEM: Final[dict[str, Any]] = {
    "format": "tandem",
    "version": 1,
    "users": [{"id": ID.format(1), "username": "mia", "email": "mia@example.org", "role": "author", "is_active": True}],
    "categories": [
        {"id": ID.format(2), "name": "News", "slug": "news"},
        {"id": ID.format(3), "name": "World", "slug": "world", "parent": "news", "is_active": False},
    ],
    "tags": [{"id": ID.format(4), "name": "one", "slug": "one"}],
    "posts": [
        {
            "id": ID.format(5), "kind": "post", "title": "T", "slug": "t", "status": "published", "visibility": "public",
            "language": "en", "content_format": "markdown", "author": "mia", "tags": ["one"], "categories": ["world"],
            "published_at": "2020-01-01T00:00:00+00:00", "version": 3, "redirects": ["/old"], "content": "Body.",
            "comments": [
                {"id": ID.format(6), "author": "mia", "status": "deleted"},
                {"id": ID.format(7), "parent": ID.format(6), "author_name": "Bo", "status": "pending", "text": "Hi"},
            ],
        }
    ],
}  # fmt: skip

SAMPLES: Final[dict[str, tuple[str, str]]] = {
    "yaml": ("2020-01-01-a.md", YAML),
    "toml": ("a.md", TOML),
    "wxr": ("a.xml", WXR),
    "ghost": ("ghost.json", json.dumps(GHOST)),
    "tandem": ("tandem.json", json.dumps(TANDEM)),
}
"""The name of the file and its text."""

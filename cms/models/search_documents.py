"""The text by which the search finds a post. It is derived: `cms/search/documents.py` writes it, and can rewrite it."""

from django.db import models

from cms.models.posts import Post


class SearchDocument(models.Model):
    """The texts of one post as words, in order, between blanks. In English ones a hyphen stands for each stop word.

    PostgreSQL has one more column, `vector`, generated from these; SQLite has an FTS5 table that triggers keep. The
    migration that makes this table makes both.
    """

    # A number, unlike all other ids: FTS5 knows rows by one that is stable.
    id = models.BigAutoField(primary_key=True)
    post = models.OneToOneField(Post, models.CASCADE, related_name="search_document")
    # The title's words unstemmed, for what is still being typed.
    suggestion = models.TextField(blank=True)
    title = models.TextField(blank=True)
    excerpt = models.TextField(blank=True)
    content = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"search document of {self.post_id}"

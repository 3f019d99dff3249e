"""The vocabulary of bulk content: words to combine, and the paragraphs of the English demo posts."""

from cms.seeding.demo import read_post_files

ADJECTIVES = (
    *("coastal", "quiet", "borrowed", "northern", "patient", "folded", "weathered", "seasonal", "unfinished", "shared"),
    *("early", "hand-drawn", "portable", "measured", "forgotten", "practical", "nightly", "small", "open", "second"),
)
NOUNS = ("maps", "ledgers", "bridges", "kitchens", "archives", "radios", "gardens", "timetables", "workshops", "tides")
TOPICS = tuple(f"{adjective} {noun}" for noun in NOUNS for adjective in ADJECTIVES)

_PARAGRAPH_LENGTH = range(200, 1_200)


def _paragraphs() -> tuple[str, ...]:
    """Running text only: a list, a table or a code block makes no sense away from its place."""
    texts = [content for front, content in read_post_files() if front.get("language", "en") == "en"]
    blocks = [block for text in texts for block in text.strip().split("\n\n")]
    # Without fences: the end of a code block, alone, would open one that takes the next paragraph in.
    return tuple(
        block for block in blocks if block[0].isalpha() and len(block) in _PARAGRAPH_LENGTH and "```" not in block
    )


PARAGRAPHS = _paragraphs()

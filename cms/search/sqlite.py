"""The index in SQLite: an FTS5 table over the documents, ranked by BM25."""

from typing import Final

from cms.search.engine import Engine

SQLITE: Final = Engine(
    source="cms_searchdocument_fts JOIN cms_searchdocument d ON d.id = cms_searchdocument_fts.rowid",
    match="cms_searchdocument_fts MATCH %s",
    # Title, excerpt, content, in the proportions of the other engine; BM25 is the better the lower it is.
    carried="-bm25(cms_searchdocument_fts, 10.0, 4.0, 1.0)",
    carried_join="",
    score="f.carried",
    find="instr",
    quote='"',
    prefix=" *",
    and_=" AND ",
    or_=" OR ",
    but_not="NOT",
)

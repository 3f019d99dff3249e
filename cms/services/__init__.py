"""All changes of state: one module a noun. Each `verb_noun` checks permission, acts atomically and records the act."""

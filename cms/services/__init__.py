"""Every change of state: one module a noun, `verb_noun` functions that check permission, act atomically and record it."""

"""The rules of language that a program can count; every text that is new or changed has to keep them.

`known.txt` records older faults by digests of their texts. A recorded text may stay and move; a changed one is checked.
"""

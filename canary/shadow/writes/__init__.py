"""Shadow writes: a write of v1, run by both versions on a private copy of the rows, and what each has changed compared.

Deletable alone: this folder, its verb, `CANARY["SHADOW_WRITES"]` and one line of the dispatcher.
"""

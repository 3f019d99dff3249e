"""The tables of `docs/roles.md`, asked of `cms/policy.py` role by role. `python -m scripts.roles` writes them."""

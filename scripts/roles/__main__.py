"""Write the tables of docs/roles.md; fail if a predicate of the policy has no row there."""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cms.settings")
django.setup()

from scripts.roles.table import PAGE, missing, page_with_tables  # noqa: E402 - the policy needs Django set up

if names := missing():
    sys.exit(f"No row in scripts/roles/table.py names {', '.join(sorted(names))}: add one with its sentence.")
PAGE.write_text(page_with_tables(PAGE.read_text()))

"""Compare v2's document with its snapshot in git; fail if clients would break or it is out of date."""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cms.settings")
django.setup()

from scripts.openapi.snapshot import main  # noqa: E402 - the document needs Django set up

sys.exit(main())

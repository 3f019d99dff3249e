#!/usr/bin/env python
"""The command line of Tandem: `manage.py help` lists every command."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cms.settings")
    from django.core.management import execute_from_command_line
    from django.db import Error

    try:
        execute_from_command_line(sys.argv)
        sys.stdout.flush()  # here, where a broken pipe is met
    except Error as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"The database can't be used: {' '.join(str(error).split())} (--traceback shows more)")
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or flushing at the end fails once more
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit("Interrupted.")


if __name__ == "__main__":
    main()

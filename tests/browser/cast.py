"""Who plays the stories, and at which widths. Without Django, so that every program can read it."""

PASSWORD = "tandem-browser-2026"
ROLES = {
    "chief": "admin",
    "erin": "editor",
    "ada": "author",
    "sam": "subscriber",
    "tomo": "author",
}
OF_ONE_STORY = {
    "nora": "author",
    "pia": "author",
    "tuck": "editor",
    "yuki": "author",
    "zoe": "author",
}
"""Those whose password, language or sign-in a story changes: one of them for each width, as in `nora_phone`."""
SIZES = {"desktop": (1366, 900), "phone": (390, 844)}
"""The windows of stories."""

"""Who sends a request: its credential, the user behind it, browser sessions, password hashes."""

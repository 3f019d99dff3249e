"""Notices through Apprise: which URLs hear of a change is decided with it; they are sent beside requests."""

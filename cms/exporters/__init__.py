"""Exporting content: rows as plain values, written as one JSON document or as a folder of Markdown files.

`cms/importers/exported.py` reads what is written here. Passwords, sessions, keys and all other secrets never leave the
database this way; media, revisions and the audit trail are the business of a backup.
"""

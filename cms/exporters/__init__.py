"""Content back out: rows as plain values, written as one JSON document or as a folder of Markdown files.

What is written here, `cms/importers/exported.py` reads. Passwords, sessions, keys and whatever else is a secret never
leave the database this way; media, revisions and the audit trail are the business of a backup.
"""

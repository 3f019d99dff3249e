"""Backups of a whole site: one file with the database and the media, made of a consistent snapshot and verified."""

"""Uploaded bytes: their type, the data removed from them, smaller pictures of them. Knows nothing of the database."""

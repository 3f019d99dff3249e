"""Uploaded bytes: what they are, what is taken out of them, smaller pictures made of them. Knows nothing of the database."""

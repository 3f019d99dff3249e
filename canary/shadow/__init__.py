"""Shadow reads: a sample of v1's reads, repeated on both versions and compared."""

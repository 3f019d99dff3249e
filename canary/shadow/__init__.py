"""Shadow reads and writes: requests repeated on both versions and compared."""

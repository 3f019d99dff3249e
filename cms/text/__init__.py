"""Text without a database: HTML and excerpts, slugs, forms of old addresses, comparison."""

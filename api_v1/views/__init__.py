"""v1's views, one module a noun: parse, ask the domain, serialize."""

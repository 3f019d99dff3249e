"""Limits on what one request may cost: the size of its body, the errors it returns, and heavy work at once."""

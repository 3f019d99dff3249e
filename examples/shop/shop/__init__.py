"""A shop with an API in two versions, and the canary between them."""

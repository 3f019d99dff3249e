"""A shop with an API in three versions, and the canary that leads from each to the next."""

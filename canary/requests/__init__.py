"""Parts of a request that need no rollout: identity, headers, problem details, faults, SQL counts, flights."""

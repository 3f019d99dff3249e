"""A rehearsal of the canary with everything that is real but the faults: `make canary-demo`, and the same run as a test."""

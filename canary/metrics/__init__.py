"""Numbers for Prometheus: counters of a process, their exchange between workers, the text format, and `/metrics`."""

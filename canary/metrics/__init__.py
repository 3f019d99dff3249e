"""Numbers for Prometheus: counters of a process, their exchange between workers, and the text format."""

"""HTTP around the views: middleware, probes, logs, answers during an outage."""

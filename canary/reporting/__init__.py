"""Reports that change nothing: a release, its history, its readiness, and the effect of another weight."""

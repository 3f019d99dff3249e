"""The canary's pure core: standard library only, no clock, no randomness, no I/O."""

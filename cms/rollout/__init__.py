"""The domain's answers to the canary: identities, exclusions, units of evidence, notifications."""

"""Single sign-on by OpenID Connect: asking the provider, whom of ours it names, and who is linked to which identity."""

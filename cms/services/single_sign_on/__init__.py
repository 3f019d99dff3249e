"""Single sign-on by OpenID Connect: asking the provider, signing the user in, and linking users to identities."""

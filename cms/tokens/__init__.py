"""Signed and random text: access and refresh tokens, tokens in mails, preview links, API keys."""

"""Signing in to the admin site in two steps, the own second factors, and ways back for who is locked out."""

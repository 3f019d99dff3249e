"""Signing in to the admin site in two steps, the user's second factors, and ways back for users who are locked out."""

"""The control API `/canary/api/…`: every verb over HTTP."""

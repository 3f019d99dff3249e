"""Second factors: setting one up, proving it, removing it, and recovery codes. Passwords stand in `signing_in.py`."""

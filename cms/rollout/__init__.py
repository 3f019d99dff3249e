"""What the canary asks of the domain: whom it knows, whom it leaves out, whom it notifies."""

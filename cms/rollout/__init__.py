"""The canary's questions to the domain: whom it knows, whom it leaves out, whom it notifies."""

"""Background jobs: the `django.tasks` backend over the table of jobs, and how a worker runs them."""

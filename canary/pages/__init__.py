"""The page of the rollout at the admin site: the state in force, the observations, and a form for each change."""

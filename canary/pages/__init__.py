"""The page of the rollout at the admin site: what is in force, what was seen, and a form for each verb that changes it."""

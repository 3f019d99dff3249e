"""The rollout as a process knows it: the snapshot in force, changes that wait, and the status object."""

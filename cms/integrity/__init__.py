"""Finding rows that contradict each other, which services never leave behind, and repairing what is safe to repair."""

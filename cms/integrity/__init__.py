"""Looking for what the services never leave behind: rows that contradict each other, and mending what can be mended."""

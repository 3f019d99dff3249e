"""English: dates that readers of no country take for others."""

"""Imports and exports that the admin site starts and a worker runs, with progress and reports."""

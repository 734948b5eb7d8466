"""v1's package of what was in preview."""

"""v1's package of what its parts share."""

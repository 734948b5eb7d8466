"""v1's package of ways to train."""

"""The HTTP contract: all that client and server share."""

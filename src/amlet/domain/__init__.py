"""Immutable records of the product's words, and their rules. No I/O and no clock lives here."""

"""The version of amlet, in one place."""

__version__ = "0.1.0"

"""Datastores: where data lies, behind two ports (`base.py`): stores of files, and databases."""

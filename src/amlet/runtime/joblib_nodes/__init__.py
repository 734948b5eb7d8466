"""Spreads joblib's tasks over the nodes of a run: `backend.py` is the script's side, `worker.py` theirs."""

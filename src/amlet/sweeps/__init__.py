"""Sweeps: where the parameters of trials come from, and which trials are ended early. Pure, but for Optuna's child."""

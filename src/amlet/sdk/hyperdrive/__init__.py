"""HyperDrive, v1-shaped: search spaces, samplings, policies, the configuration of a sweep and its run."""

"""The worker: leases attempts, runs them in their own builds, and holds replicas."""

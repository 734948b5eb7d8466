"""What runs inside a job, and inside a service's replica."""

"""The replica of a service: loads a model in its own build and answers HTTP requests with its predictions."""

"""What a service of a model needs: whether it can be served without code, and in which environment."""

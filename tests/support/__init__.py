"""Plain parts that several tests share."""

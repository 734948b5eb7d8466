"""Engines, which start and end nodes, and the decision how many there should be."""

"""One class a noun, one method a route."""

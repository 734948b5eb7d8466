"""The studio: pages rendered on the server, that work without JavaScript and offline."""

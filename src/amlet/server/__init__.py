"""The server: the API, the pages, the queue and the reconciler, in one process."""

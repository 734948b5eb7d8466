"""The server itself."""

from __future__ import annotations

from amlet.client.api.noun import Noun
from amlet.wire import routes
from amlet.wire.server import Done, Health, ServerStatus, StopServer, Ticket


class ServerApi(Noun):
    def health(self) -> Health:
        """Whether the server is up."""
        return self._call(Health, routes.HEALTH)

    def status(self) -> ServerStatus:
        """What the server does now."""
        return self._call(ServerStatus, routes.STATUS)

    def stop(self, body: StopServer) -> Done:
        """End the server."""
        return self._call(Done, routes.STOP, body=body)

    def ticket(self) -> Ticket:
        """A single-use code for a browser."""
        return self._call(Ticket, routes.TICKET)

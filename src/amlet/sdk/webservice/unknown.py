"""A service of a kind that this version does not know."""

from __future__ import annotations

from typing import Any, NoReturn, Union

from amlet.sdk.webservice.webservice import Webservice


class UnknownWebservice(Webservice):
    """A service that a newer version of the SDK made. It can be listed, waited for and deleted."""

    def run(self, input: Union[str, bytes]) -> Any:
        """
        Raises:
            NotImplementedError: always.
        """
        self._refuse("asked")

    def update(self, *args: Any, **kwargs: Any) -> None:
        """
        Raises:
            NotImplementedError: always.
        """
        self._refuse("changed")

    def get_token(self) -> Any:
        """
        Raises:
            NotImplementedError: always.
        """
        self._refuse("given a token")

    def _refuse(self, what: str) -> NoReturn:
        raise NotImplementedError(
            f"Service {self.name} is of the kind {self.compute_type}, which this version does not know: "
            f"it cannot be {what}."
        )

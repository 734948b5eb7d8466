"""A build of an environment at the server, and its log (v1-behaviours 10.11)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, List, Optional

from amlet.sdk.exceptions import as_v1
from amlet.sdk.streaming import PATIENCE_S, WAIT_S, write_text

if TYPE_CHECKING:
    from amlet.wire.environments import BuildState


class ImageBuildDetails:
    """One build, as `Environment.build` starts it.

    Args:
        environment_client: The workspace's connection.
        location: The build's id.
    """

    def __init__(self, environment_client: Any, location: str) -> None:
        self.environment_client = environment_client
        self.log_url: str = environment_client.page(
            f"/api/workspaces/{environment_client.workspace_id}/environment-builds/{location}"
        )
        self._id = location
        self._seen = 0
        """Bytes of the log that were told once, so that a question of the status alone does not bring them again."""

    @property
    def status(self) -> str:
        """`Queued`, `Running`, `Succeeded` or `Failed`, as it is now."""
        return self._look(self._seen, 0.0).build.status

    @property
    def error(self) -> Optional[str]:
        """Why the build failed; None while it goes on and when it succeeded. Not in v1."""
        return self._look(self._seen, 0.0).build.error

    def get_log(self) -> str:
        """The log so far."""
        told: List[str] = []
        offset = 0
        while True:
            state = self._look(offset, 0.0)
            if not state.log:
                return "".join(told)
            told.append(state.log)
            self._seen = offset = state.next_offset

    def wait_for_completion(self, show_output: bool = True) -> None:
        """Wait until the build is over. A failure is told, not raised, as in v1: see `status`.

        Args:
            show_output: Print the status when it changes, and the log as it grows.
        """
        offset, shown = 0, ""
        while True:
            state = self._look(offset, WAIT_S)
            self._seen = offset = state.next_offset
            is_over = state.build.is_over and not state.log
            if show_output:
                if state.build.status != shown and state.build.is_over == is_over:
                    shown = state.build.status
                    write_text(sys.stdout, f"Image Build Status: {shown}\n\n")
                write_text(sys.stdout, state.log)
            if is_over:
                break
        if show_output and state.build.error:
            write_text(sys.stdout, state.build.error.rstrip() + "\n")

    def __repr__(self) -> str:
        return f"ImageBuildDetails(id={self._id!r}, log_url={self.log_url!r})"

    def _look(self, offset: int, wait_s: float) -> BuildState:
        from amlet.wire.environments import BuildQuery

        held = self.environment_client
        with as_v1():
            found: BuildState = held.client.environments.build_state(
                held.workspace_id, self._id, BuildQuery(offset, wait_s), patience_s=PATIENCE_S
            )
        return found

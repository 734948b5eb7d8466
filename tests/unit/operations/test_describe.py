"""Registered environments: their versions, however the user numbers them."""

from __future__ import annotations

from amlet.domain.environment import EnvironmentSpec
from amlet.operations.describe import register_environment
from support.world import World


def test_the_next_version_is_one_that_is_not_taken(world: World) -> None:
    def register(**changes: object) -> str | None:
        spec = EnvironmentSpec("own")._replace(**changes)  # type: ignore[arg-type]
        return world.do(lambda tx: register_environment(tx, world.workspace_id, spec, world.now)).spec.version

    assert register(version="2", pip=["a"]) == "2"
    assert register(pip=["b"]) == "3"
    assert register(version="²", pip=["c"]) == "²"
    assert register(version="nightly", pip=["d"]) == "nightly"
    assert register(pip=["e"]) == "4"
    assert register(pip=["e"]) == "4"

"""What people say of a run: names, description, tags and properties (v1-behaviours 7.7, 7.8)."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Union

from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.notice import warn
from amlet.sdk.run_base import RunBase


class RunMarks(RunBase):
    """Names, tags and properties of a run."""

    @property
    def number(self) -> Optional[int]:
        """Counts the runs of the experiment, from 1."""
        return self._known.number

    @property
    def name(self) -> str:
        """The name it was started with: `run_<id>` for an interactive one without; see `display_name`."""
        return self._known.name or self._known.display_name

    @property
    def display_name(self) -> str:
        """What the run is called; its id unless another name was given."""
        return self._known.display_name

    @display_name.setter
    def display_name(self, name: str) -> None:
        from amlet.wire.runs import UpdateRun

        self._change(UpdateRun(display_name=_text("display_name", name)))

    @property
    def description(self) -> Optional[str]:
        """What somebody wrote about the run."""
        return self._known.description

    @description.setter
    def description(self, description: str) -> None:
        from amlet.wire.runs import UpdateRun

        self._change(UpdateRun(description=_text("description", description)))

    @property
    def type(self) -> Optional[str]:
        """`azureml.scriptrun` for a submitted script, None for an interactive run."""
        return self._known.type

    @property
    def tags(self) -> Dict[str, Optional[str]]:
        """The tags when they were last asked for. A copy."""
        return dict(self._known.tags)

    @property
    def properties(self) -> Dict[str, str]:
        """The properties when they were last asked for. A copy."""
        return dict(self._known.properties)

    def tag(self, key: str, value: Optional[str] = None) -> None:
        """Set one tag; a value that is there is overwritten."""
        self.set_tags({key: value})

    def set_tags(self, tags: Dict[str, Optional[str]]) -> None:
        """Set tags; others stay as they are. What is no text becomes one, with a warning."""
        from amlet.wire.runs import UpdateRun

        self._change(UpdateRun(set_tags=tags_of(tags)))

    def remove_tags(self, tags: Union[str, List[str]]) -> Dict[str, Optional[str]]:
        """Remove tags by their keys; unknown ones are passed over.

        Returns:
            The tags that are left.
        """
        from amlet.wire.runs import UpdateRun

        keys = [tags] if isinstance(tags, str) else [str(key) for key in tags]
        self._change(UpdateRun(remove_tags=keys))
        return self.tags

    def get_tags(self) -> Dict[str, Optional[str]]:
        """The tags now."""
        self._load()
        return self.tags

    def add_properties(self, properties: Dict[str, str]) -> None:
        """Add properties. One that is there cannot be changed.

        Raises:
            UserErrorException: for a key that is there with another value.
        """
        from amlet.wire.runs import UpdateRun

        self._change(UpdateRun(add_properties=properties_of(properties)))

    def get_properties(self) -> Dict[str, str]:
        """The properties now."""
        self._load()
        return self.properties


def tags_of(tags: Mapping[str, Any]) -> Dict[str, Optional[str]]:
    """Tags as texts; None stays, what else is no text becomes one, with a warning (v1-behaviours 7.7)."""
    _check("tags", tags)
    odd = [str(key) for key, value in tags.items() if value is not None and not isinstance(value, str)]
    if odd:
        warn(f"tags are texts: the values of {', '.join(odd)} were turned into texts.")
    return {str(key): None if value is None else str(value) for key, value in tags.items()}


def properties_of(properties: Mapping[str, Any]) -> Dict[str, str]:
    """Properties as texts."""
    _check("properties", properties)
    return {str(key): str(value) for key, value in properties.items()}


def _check(what: str, given: Any) -> None:
    if not isinstance(given, Mapping):
        raise UserErrorException(f"{what} must be a dict of texts, not {type(given).__name__} {given!r}"[:200] + ".")


def _text(what: str, value: Any) -> str:
    if not isinstance(value, str):
        raise UserErrorException(f"{what} must be a text, not {value!r}.")
    return value

"""Parents and children of a run (v1-behaviours 7.4-7.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence, Union

from amlet.sdk.exceptions import UserErrorException, as_v1
from amlet.sdk.filters import chosen_marks
from amlet.sdk.run_base import RunBase

if TYPE_CHECKING:
    from amlet.sdk.run import Run

CHILDREN_LIMIT = 100
BATCH_TAG = "azureml.batch_child_number"


class RunTree(RunBase):
    """The runs around a run."""

    _parent: Optional[Run] = None

    @property
    def parent(self) -> Optional[Run]:
        """The run that this one is a child of; None for a root."""
        parent_id = self._known.parent_id
        if parent_id is None:
            return None
        if self._parent is None:
            held = self._connection
            with as_v1():
                record = held.client.runs.get(held.workspace_id, parent_id).run
            self._parent = self._other(record)
        return self._parent

    def get_children(
        self,
        recursive: bool = False,
        tags: Optional[Union[str, Dict[str, Optional[str]]]] = None,
        properties: Optional[Union[str, Dict[str, Optional[str]]]] = None,
        type: Optional[str] = None,
        status: Optional[Union[str, Sequence[str]]] = None,
        _rehydrate_runs: bool = True,
    ) -> Iterator[Run]:
        """The children, newest first, fetched page by page.

        Args:
            recursive: Also the children's children.
            tags: A key that must be there, or a dict of keys and values that must be equal.
            properties: The same for properties.
            type: Only runs of this type.
            status: Only runs of this status, or of one of these.
        """
        chosen = chosen_marks(tags=tags, properties=properties, type=type, status=status)
        for record in self._find_children(recursive=recursive, **chosen):
            yield self._other(record)

    def child_run(
        self, name: Optional[str] = None, run_id: Optional[str] = None, outputs: Optional[Union[bool, str]] = None
    ) -> Run:
        """Start a child that this process logs to. Parent and child end on their own.

        Args:
            name: The child is called `<name of this run>><name>`.
            run_id: Its id; drawn if not given.
            outputs: The folder whose files the child keeps at its end; True is ./outputs. None keeps no folder.
        """
        from amlet.sdk.interactive import Start, start

        (child,) = start(
            self.experiment,
            [Start(run_id=run_id, name=f"{self._own_name()}>{name}" if name else None, parent_id=self._run_id)],
            outputs=outputs or False,
        )
        return child

    def create_children(
        self,
        count: Optional[int] = None,
        tag_key: Optional[str] = None,
        tag_values: Optional[Sequence[str]] = None,
    ) -> List[Run]:
        """Start several children in one call: `count` of them, or one for each of `tag_values`, tagged with it.

        Raises:
            UserErrorException: for more than 100, or for another combination of arguments.
        """
        from amlet.sdk.interactive import Start, start

        starts = [Start(parent_id=self._run_id, tags=tags) for tags in children_tags(count, tag_key, tag_values)]
        return start(self.experiment, starts, outputs=False) if starts else []

    def submit_child(self, config: Any, tags: Optional[Dict[str, Optional[str]]] = None, **kwargs: Any) -> Run:
        """Submit a script as a child of this run, see `Experiment.submit`."""
        return self.experiment._submit(config, tags, kwargs, parent_id=self._run_id)

    def _own_name(self) -> str:
        return self._known.name or self._known.display_name


def children_tags(
    count: Optional[int], tag_key: Optional[str], tag_values: Optional[Sequence[str]]
) -> List[Dict[str, Optional[str]]]:
    """The tags of each child that `create_children` makes.

    Raises:
        UserErrorException: for arguments that do not go together.
    """
    if count is not None and tag_key is None and tag_values is None:
        if isinstance(count, bool) or not isinstance(count, int) or not 0 < count <= CHILDREN_LIMIT:
            raise UserErrorException(f"count must be a whole number from 1 to {CHILDREN_LIMIT}, not {count!r}.")
        return [{BATCH_TAG: str(number)} for number in range(count)]
    if count is None and tag_key is not None and tag_values is not None and not isinstance(tag_values, str):
        values = list(tag_values)
        if len(values) > CHILDREN_LIMIT:
            raise UserErrorException(f"{len(values)} children are asked for; {CHILDREN_LIMIT} is the most.")
        return [{str(tag_key): None if value is None else str(value)} for value in values]
    raise UserErrorException(
        "create_children takes count alone, or tag_key together with a list of tag_values; "
        f"it was given count={count!r}, tag_key={tag_key!r}, tag_values={tag_values!r}."
    )

"""v1's first generation of datasets, of 2019: `Dataset` objects over the definitions that the second one makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional, TypeVar, Union

from amlet.domain.data import TABULAR_DATASET
from amlet.sdk.dataset.abstract_dataset import AbstractDataset, all_versions
from amlet.sdk.dataset.sampling import sampled
from amlet.sdk.exceptions import UserErrorException

if TYPE_CHECKING:
    from amlet.sdk.workspace import Workspace

Made = TypeVar("Made", bound="FirstGeneration")


class FirstGeneration:
    """A dataset of the first generation: its `definition` is a TabularDataset, or a FileDataset of binary files.

    Args:
        definition: A dataset of either generation; None for the one of that name or id.
        workspace: Where it is registered.
        name: The name it is registered under.
        id: Its id.

    Raises:
        UserErrorException: there is no definition and nothing that leads to one.
    """

    def __init__(
        self, definition: Any, workspace: Any = None, name: Optional[str] = None, id: Optional[str] = None
    ) -> None:
        if definition is None and workspace is not None:
            definition = registered(workspace, name, id)
        held = definition.definition if isinstance(definition, FirstGeneration) else definition
        if not isinstance(held, AbstractDataset):
            raise UserErrorException(
                f"{definition!r} is no definition of a dataset.",
                hint="use Dataset.Tabular.from_delimited_files(path), Dataset.get_by_name(ws, name) or their like.",
            )
        self._definition = held
        self._workspace = workspace if workspace is not None else held._sources.workspace
        self._name = name
        self._id = id

    @property
    def definition(self) -> Any:
        """The dataset of the second generation that it stands for, with all its methods."""
        return self._definition

    @property
    def definition_version(self) -> Optional[str]:
        """Its version under its name; None as long as it has none."""
        return None if self._definition.version is None else str(self._definition.version)

    @property
    def name(self) -> Optional[str]:
        """The name it is registered under, or None."""
        return self._definition.name or self._name

    @property
    def workspace(self) -> Any:
        """The workspace that it is registered in, or whose datastores it reads; else None."""
        return self._workspace

    @property
    def id(self) -> Optional[str]:
        """Its id; None as long as no workspace knows it."""
        return self._definition.id or self._id

    @property
    def description(self) -> Optional[str]:
        """Its description."""
        return self._definition.description

    @property
    def tags(self) -> Dict[str, str]:
        """Its tags."""
        return self._definition.tags

    @property
    def state(self) -> str:
        """`active`: amlet deprecates and archives no datasets."""
        return "active"

    @property
    def is_visible(self) -> bool:
        """True: what is registered is shown."""
        return True

    def to_pandas_dataframe(self) -> Any:
        """All rows as a data frame of pandas; of binary files their paths below the folder that they share."""
        if self._definition._kind == TABULAR_DATASET:
            return self._definition.to_pandas_dataframe()  # type: ignore[attr-defined]
        from amlet.sdk.dataset.packages import need

        return need("pandas", "A data frame").DataFrame({"Path": self._definition.to_path()})  # type: ignore[attr-defined]

    def head(self, count: int) -> Any:
        """The first rows as a data frame of pandas."""
        return self._with(self._definition.take(count)).to_pandas_dataframe()  # type: ignore[attr-defined]

    def sample(self: Made, sample_strategy: str, arguments: Dict[str, Any]) -> Made:
        """Some of the rows.

        Args:
            sample_strategy: `top_n`, `simple_random` or `stratified`.
            arguments: `n`; or `probability` and `seed`; or `columns`, `fractions` (a share for each tuple of values in
                those columns; rows of other values are left out) and `seed`. A seed need not be given.

        Raises:
            UserErrorException: for another strategy or other arguments.
        """
        return self._with(sampled(self._definition, sample_strategy, arguments))

    def __getitem__(self, key: Union[str, List[str]]) -> Any:
        """A column by its name, to make a condition of for `definition.filter`; of a list of names the dataset that has
        those columns alone.

        Raises:
            UserErrorException: it has no such column.
        """
        self._check_tabular("dataset[...]")
        names = [key] if isinstance(key, str) else key
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise UserErrorException(f"dataset[{key!r}]: give the name of a column, or a list of names.")
        held: Any = self._definition
        kept = held.keep_columns(names, validate=True)
        return held[key] if isinstance(key, str) else self._with(kept)

    def register(
        self: Made,
        workspace: Workspace,
        name: str,
        description: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
        visible: bool = True,
        exist_ok: bool = False,
        update_if_exist: bool = False,
    ) -> Made:
        """Register it in a workspace.

        Args:
            exist_ok: Give the dataset that is registered under the name already, instead of an error.
            update_if_exist: With `exist_ok`: make this the next version of it.

        Raises:
            UserErrorException: the name is taken, or with visible=False: what is registered is shown.
        """
        if not visible:
            raise UserErrorException(
                "visible=False: amlet shows every dataset that is registered.", hint="leave visible out."
            )
        latest = AbstractDataset.get_all(workspace).get(name)
        if latest is not None and not exist_ok:
            raise UserErrorException(
                f"There is already a dataset registered under name {name!r}.",
                hint="exist_ok=True gives that one; with update_if_exist=True this one becomes its next version.",
            )
        if latest is not None and (not update_if_exist or _are_same(latest, self._definition, workspace)):
            return type(self)(latest, workspace)
        made = self._definition.register(workspace, name, description, tags, create_new_version=latest is not None)
        return type(self)(made, workspace)

    def update(
        self: Made,
        name: Optional[str] = None,
        description: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
        visible: Optional[bool] = None,
    ) -> Made:
        """Change description and tags of a registered dataset. All tags are replaced where `tags` is given.

        Raises:
            UserErrorException: it is not registered, or another name or visible=False is asked for.
        """
        if name is not None and name != self.name:
            raise UserErrorException(
                f"A dataset keeps its name {self.name!r}.", hint="register it under the other name too."
            )
        if visible is False:
            raise UserErrorException(
                "visible=False: amlet shows every dataset that is registered.", hint="leave visible out."
            )
        self._definition.update(description, tags)
        return self

    def get_definitions(self) -> Dict[str, Any]:
        """The definitions of all versions of its name, by version."""
        record, workspace = self._definition._registered("get_definitions")
        return {str(held.version): held for held in all_versions(workspace, record.name)}

    def get_definition(self, version_id: Optional[str] = None) -> Any:
        """The definition of a version of its name; of its own by default.

        Raises:
            UserErrorException: there is no such version.
        """
        if version_id is None:
            return self._definition
        record, workspace = self._definition._registered("get_definition")
        return AbstractDataset.get_by_name(workspace, record.name, version_id)

    def update_definition(self: Made, definition: Any, definition_update_message: str) -> Made:
        """Register a definition as the next version of its name; the message is the description of that version.

        Raises:
            UserErrorException: this dataset is not registered, or that definition is already.
        """
        record, workspace = self._definition._registered("update_definition")
        held = definition.definition if isinstance(definition, FirstGeneration) else definition
        if not isinstance(held, AbstractDataset):
            raise UserErrorException(
                f"{definition!r} is no definition of a dataset.", hint="such as dataset.definition.keep_columns(names)."
            )
        message = definition_update_message or record.description
        made = held.register(workspace, record.name, message, dict(record.tags), create_new_version=True)
        return type(self)(made, workspace)

    def __repr__(self) -> str:
        return f"Dataset({self._definition!r})"

    def _with(self: Made, definition: Any) -> Made:
        return type(self)(definition, self._workspace)

    def _check_tabular(self, call: str) -> None:
        if self._definition._kind != TABULAR_DATASET:
            raise UserErrorException(f"{call} is for tables: this is a dataset of files.")


def _are_same(latest: AbstractDataset, other: AbstractDataset, workspace: Workspace) -> bool:
    """Whether a dataset is what is registered. Its data is brought for that, as it is to be registered too."""
    one, two = latest._to_record(workspace), other._to_record(workspace)
    return (one.kind, one.sources, one.definition) == (two.kind, two.sources, two.definition)


def registered(workspace: Any, name: Optional[str], id: Optional[str]) -> Any:
    """The dataset of a name or an id.

    Raises:
        UserErrorException: there is none, or neither or both are given.
    """
    if (name is None) == (id is None):
        raise UserErrorException(
            "Dataset.get needs either a name or an id.", hint="Dataset.get(ws, name='sales'); ws.datasets lists all."
        )
    if name is not None:
        return AbstractDataset.get_by_name(workspace, name)
    return AbstractDataset.get_by_id(workspace, str(id))

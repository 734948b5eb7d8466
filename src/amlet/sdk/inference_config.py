"""How a model is asked: the entry script, the folder that it lies in, and the environment that it runs in."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Any, List, NamedTuple, Optional, Sequence, Set, Union

from amlet.sdk.conda_dependencies import CondaDependencies
from amlet.sdk.container_registry import ContainerRegistry
from amlet.sdk.environment import Environment
from amlet.sdk.exceptions import WebserviceException, as_v1
from amlet.sdk.notice import given, warn, warn_ignored
from amlet.sdk.refused import RefusedMember

if TYPE_CHECKING:
    from amlet.client.uploads import Sources
    from amlet.domain.artifact import Entry

RUNTIMES = ("python", "python-slim")
SPARK = "spark-py"
ENTRY_POINTS = ("init", "run")
"""v1-behaviours 15.9."""

_PAYLOAD = "amlet has no such request: Model.deploy takes the configuration itself."


class Source(NamedTuple):
    """The files of an entry script."""

    script: str
    """Relative to the folder."""
    entries: List[Entry]
    sources: Sources
    """Where their bytes lie."""
    folder: Path
    extra: List[Path]
    """What else goes along, where the folder does not."""
    is_whole: bool
    """Whether all of the folder goes along, or the script alone."""


class InferenceConfig:
    """How a model is asked.

    Args:
        entry_script: A `.py` file with `init()` and `run(...)`; relative to `source_directory` if that is given.
        runtime: `python`, of v1's older form. It stands for itself: scripts are Python.
        conda_file: A conda yaml with the packages, of the older form; relative to `source_directory`.
        extra_docker_file_steps: A file with lines for a Dockerfile, of the older form. `Model.package` adds them;
            services here are processes, to which they do nothing.
        source_directory: The folder that goes along, by the same ignore rules as a run's. Without it only the script
            goes.
        base_image: An image of one's own, of the older form.
        environment: The packages. By default, those that the first model was trained with.

    Raises:
        WebserviceException: without an entry script, or for an environment together with the older form
            (v1-behaviours 15.8).
    """

    def __init__(
        self,
        entry_script: Union[str, Path],
        runtime: Optional[str] = None,
        conda_file: Optional[Union[str, Path]] = None,
        extra_docker_file_steps: Optional[Union[str, Path]] = None,
        source_directory: Optional[Union[str, Path]] = None,
        enable_gpu: Optional[bool] = None,
        description: Optional[str] = None,
        base_image: Optional[str] = None,
        base_image_registry: Optional[ContainerRegistry] = None,
        cuda_version: Optional[str] = None,
        environment: Any = None,
    ) -> None:
        if not entry_script:
            raise WebserviceException(
                "An InferenceConfig needs an entry_script.", hint='InferenceConfig(entry_script="score.py", ...).'
            )
        older = given(
            runtime=runtime,
            conda_file=conda_file,
            extra_docker_file_steps=extra_docker_file_steps,
            enable_gpu=enable_gpu,
            base_image=base_image,
            base_image_registry=base_image_registry,
            cuda_version=cuda_version,
        )
        if environment is not None and older:
            raise WebserviceException(
                f"environment goes without the older form's {', '.join(older)}: the environment says it all.",
                hint="put the packages into environment.python.conda_dependencies.",
            )
        self.entry_script = str(entry_script)
        self.runtime = runtime
        self.conda_file = None if conda_file is None else str(conda_file)
        self.extra_docker_file_steps = None if extra_docker_file_steps is None else str(extra_docker_file_steps)
        self.source_directory = None if source_directory is None else str(source_directory)
        self.enable_gpu = enable_gpu
        self.cuda_version = cuda_version
        self.description = description
        self.base_image = base_image
        self.base_image_registry = base_image_registry
        self.environment: Optional[Environment] = environment
        self.validate_configuration()
        warn_ignored("InferenceConfig", given(enable_gpu=enable_gpu or None, cuda_version=cuda_version))

    def validate_configuration(self) -> None:
        """Check that its files are there, and that its parts go together.

        Raises:
            WebserviceException: with every fault.
        """
        faults = self._faults_of_files()
        if self.runtime is not None and self.runtime.lower() == SPARK:
            faults.append(f"runtime {SPARK} is not in amlet, which starts no Spark: use python")
        elif self.runtime is not None and self.runtime.lower() not in RUNTIMES:
            faults.append(f"runtime must be one of {', '.join(RUNTIMES)}, not {self.runtime!r}")
        given_environment: Any = self.environment
        if given_environment is not None and not isinstance(given_environment, Environment):
            faults.append(f"environment must be an Environment, not {type(given_environment).__name__}")
        if faults:
            raise WebserviceException(f"Invalid InferenceConfig: {'; '.join(faults)}.")

    def validation_script_content(self) -> None:
        """Check that the entry script defines `init` and `run`, by defining or importing them.

        Raises:
            WebserviceException: for a script that does not.
        """
        try:
            bound = _bound_names(self._script_path().read_bytes())
        except (SyntaxError, ValueError):
            return  # perhaps the syntax of another Python than this one: the service's own has the last word
        missing = [] if bound is None else [name for name in ENTRY_POINTS if name not in bound]
        if missing:
            raise WebserviceException(
                f"{self.entry_script} has no {' and no '.join(f'{name}()' for name in missing)}.",
                hint="init() loads the model once, run(data) answers a request.",
            )

    build_create_payload = RefusedMember(_PAYLOAD)
    build_profile_payload = RefusedMember(_PAYLOAD)

    def __repr__(self) -> str:
        environment = self.environment.name if self.environment is not None else None
        return (
            f"InferenceConfig(entry_script={self.entry_script!r}, source_directory={self.source_directory!r}, "
            f"environment={environment!r})"
        )

    def _service_environment(self) -> Optional[Environment]:
        """The environment of either form; None: the model's own."""
        if self.environment is not None:
            return self.environment
        if self.conda_file is None and self.base_image is None:
            return None
        made = Environment("inference")
        if self.conda_file is not None:
            made.python.conda_dependencies = CondaDependencies(str(self._beside(self.conda_file)))
        if self.base_image is not None:
            made.docker.base_image = self.base_image
            made.docker.base_image_registry = self.base_image_registry or made.docker.base_image_registry
        return made

    def _collect(self) -> Source:
        """List and hash what goes along.

        Raises:
            WebserviceException: if the script is left out by the folder's ignore rules, or files cannot be read.
        """
        folder = None if self.source_directory is None else Path(self.source_directory)
        return collect(self._script_path(), folder, self._extra_paths())

    def _extra_paths(self) -> List[Path]:
        """What goes along beside the script, where no folder does."""
        return []

    def _script_path(self) -> Path:
        return self._beside(self.entry_script)

    def _beside(self, name: str) -> Path:
        """A file of the configuration: relative to the source directory, where there is one."""
        return Path(self.source_directory, name) if self.source_directory is not None else Path(name)

    def _faults_of_files(self) -> List[str]:
        if self.source_directory is not None and not Path(self.source_directory).is_dir():
            return [f"source_directory: there is no folder {Path(self.source_directory).absolute()}"]
        faults = []
        script = self._script_path()
        if not script.is_file():
            faults.append(f"entry_script: there is no file {script.absolute()}")
        elif script.suffix != ".py":
            faults.append(f"entry_script must be a .py file, not {script.name}")
        elif self.source_directory is not None and not _is_below(script, Path(self.source_directory)):
            faults.append(f"entry_script {self.entry_script} must lie in source_directory {self.source_directory}")
        for name in ("conda_file", "extra_docker_file_steps"):
            value = getattr(self, name)
            if value is not None and not self._beside(value).is_file():
                faults.append(f"{name}: there is no file {self._beside(value).absolute()}")
        return faults


def collect(script: Path, folder: Optional[Path], extra: Sequence[Path] = ()) -> Source:
    """List and hash an entry script, alone, with some files and folders beside it, or with all of its folder.

    Args:
        extra: Without a folder: they lie beside the script under the same names as here.

    Raises:
        WebserviceException: if the script is left out by the folder's ignore rules, or files cannot be read.
    """
    from amlet.base.paths import Home
    from amlet.client.snapshot import scan
    from amlet.client.uploads import sources_of
    from amlet.sdk.local_files import files_below

    if folder is None:
        here = script.resolve().parent
        parts = [files_below(path, _name_below(path, here)) for path in (script, *extra)]
        entries = {entry.path: entry for part in parts for entry in part.entries}
        sources = {sha256: place for part in parts for sha256, place in part.sources.items()}
        return Source(script.name, list(entries.values()), sources, here, list(extra), is_whole=False)
    folder = folder.resolve()
    with as_v1(WebserviceException):
        snapshot = scan(folder, home=Home.find())
    for message in snapshot.warnings:
        warn(message)
    name = script.resolve().relative_to(folder).as_posix()
    if all(entry.path != name for entry in snapshot.entries):
        raise WebserviceException(
            f"The entry script {name} is left out by the ignore rules of {folder}.",
            hint="take it out of .amlignore (or .gitignore).",
        )
    return Source(name, snapshot.entries, sources_of(snapshot.folder, snapshot.entries), folder, [], is_whole=True)


def _name_below(path: Path, folder: Path) -> str:
    whole = path.resolve()
    return whole.relative_to(folder).as_posix() if folder in whole.parents else whole.name


def _is_below(path: Path, folder: Path) -> bool:
    return folder.resolve() in path.resolve().parents


def _bound_names(source: bytes) -> Optional[Set[str]]:
    """The names that a module binds at its top level, in branches too; None when a star import hides them."""
    found: Set[str] = set()
    waiting: List[ast.AST] = list(ast.parse(source).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            if any(alias.name == "*" for alias in node.names):
                return None
            found |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        else:
            waiting.extend(ast.iter_child_nodes(node))
    return found


def from_any(value: Any) -> Optional[InferenceConfig]:
    """An inference configuration, or None of None.

    Raises:
        WebserviceException: for anything else.
    """
    if value is None or isinstance(value, InferenceConfig):
        return value
    raise WebserviceException(
        f"inference_config must be an InferenceConfig, not {type(value).__name__}.",
        hint='InferenceConfig(entry_script="score.py", environment=env).',
    )

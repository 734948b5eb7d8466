"""Search spaces: the expressions that a sweep's values are drawn from, read from v1's JSON form and checked.

v1 writes an expression as a list of its name and its arguments: `["uniform", [0.1, 1.0]]`, `["choice", [[16, 32]]]`
(v1-behaviours 12.1, 12.2). A choice may hold dicts of further parameters: those of the option that is drawn are there,
the others are not, and neither is the choice itself. A plain value in such a dict is a choice of one.
"""

from __future__ import annotations

import math
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from amlet.base.errors import FieldError, InvalidInput
from amlet.base.names import closest

CHOICE = "choice"
RANDINT = "randint"
UNIFORM = "uniform"
QUNIFORM = "quniform"
LOGUNIFORM = "loguniform"
QLOGUNIFORM = "qloguniform"
NORMAL = "normal"
QNORMAL = "qnormal"
LOGNORMAL = "lognormal"
QLOGNORMAL = "qlognormal"

BOUNDED = (UNIFORM, QUNIFORM, LOGUNIFORM, QLOGUNIFORM)
"""Their first two arguments are the ends of a range."""

GAUSSIAN = (NORMAL, QNORMAL, LOGNORMAL, QLOGNORMAL)
"""Their first two arguments are the mean and the standard deviation."""

QUANTISED = (QUNIFORM, QLOGUNIFORM, QNORMAL, QLOGNORMAL)
"""Their third argument is the step."""

LOGARITHMIC = (LOGUNIFORM, QLOGUNIFORM, LOGNORMAL, QLOGNORMAL)
"""Their first two arguments are those of the value's logarithm."""

ARGUMENTS = {
    RANDINT: ("upper",),
    UNIFORM: ("min_value", "max_value"),
    QUNIFORM: ("min_value", "max_value", "q"),
    LOGUNIFORM: ("min_value", "max_value"),
    QLOGUNIFORM: ("min_value", "max_value", "q"),
    NORMAL: ("mu", "sigma"),
    QNORMAL: ("mu", "sigma", "q"),
    LOGNORMAL: ("mu", "sigma"),
    QLOGNORMAL: ("mu", "sigma", "q"),
}
"""The names of each expression's arguments; a choice has options."""

KINDS = (CHOICE, *ARGUMENTS)

OPTIONS_LIMIT = 100_000
NESTING_LIMIT = 8


class Expression(NamedTuple):
    """Where the values of one parameter come from.

    `numbers` are the arguments in the order of `ARGUMENTS[kind]`; a choice has `options` instead: JSON values, or
    spaces of their own.
    """

    kind: str
    numbers: Tuple[float, ...] = ()
    options: Tuple[Any, ...] = ()

    @property
    def is_finite(self) -> bool:
        """Whether it has a finite number of values that can be counted: a choice, an integer, a bounded step."""
        return self.kind in (CHOICE, RANDINT) or (self.kind == QUNIFORM and self.numbers[2] > 0)


Space = Dict[str, Expression]
"""Parameters by name, in the order in which they were written."""


def read_space(told: Dict[str, Any], *, subject: str = "parameter_space") -> Space:
    """Read a space from v1's JSON form.

    Raises:
        InvalidInput: with every fault of every parameter.
    """
    faults: List[FieldError] = []
    space = _read(told, subject, faults, 0)
    if faults:
        raise InvalidInput.of(faults, subject="the search space")
    return space


def names_of(space: Space) -> List[str]:
    """Every parameter's name, those below choices included, each once, in the order written."""
    return list(dict.fromkeys(name for name, _ in walk(space)))


def walk(space: Space) -> Iterator[Tuple[str, Expression]]:
    """Every parameter and its expression, those below a choice after it."""
    for name, expression in space.items():
        yield name, expression
        for option in expression.options:
            if is_space(option):
                yield from walk(option)


def is_space(option: Any) -> bool:
    """Whether an option of a choice holds further parameters."""
    return isinstance(option, dict) and bool(option) and all(isinstance(held, Expression) for held in option.values())


def _read(told: Any, path: str, faults: List[FieldError], depth: int) -> Space:
    if not isinstance(told, dict) or not told:
        faults.append(FieldError(path, "must be a dict of at least one parameter: {'C': uniform(0.1, 1)}"))
        return {}
    if depth > NESTING_LIMIT:
        faults.append(FieldError(path, f"is nested deeper than {NESTING_LIMIT} choices"))
        return {}
    space: Space = {}
    for name, expression in told.items():
        if not isinstance(name, str) or not name.strip("-"):
            faults.append(FieldError(path, f"{name!r} is not a parameter's name"))
            continue
        if depth and not isinstance(expression, (list, tuple)):
            space[name] = Expression(CHOICE, options=(expression,))
            continue
        read = _expression(expression, f"{path}[{name!r}]", faults, depth)
        if read is not None:
            space[name] = read
    faults += _twice(space, path)
    return space


def _twice(space: Space, path: str) -> Iterator[FieldError]:
    """Names that two parameters of a space may give at once: one value would hide the other."""
    givers: Dict[str, str] = {}
    for name, expression in space.items():
        for given in dict.fromkeys(_given(name, expression)):
            giver = givers.setdefault(given, name)
            if giver != name:
                yield FieldError(path, f"{given!r} is given by {giver!r} and by {name!r}: rename one")


def _given(name: str, expression: Expression) -> Iterator[str]:
    """The names that a parameter may give: its own, unless all its options stand for parameters, and theirs."""
    spaces = [option for option in expression.options if is_space(option)]
    if not spaces or len(spaces) < len(expression.options):
        yield name
    for space in spaces:
        for inner, below in space.items():
            yield from _given(inner, below)


def _expression(told: Any, path: str, faults: List[FieldError], depth: int) -> Optional[Expression]:
    if not isinstance(told, (list, tuple)) or len(told) != 2 or not isinstance(told[0], str):
        said = f"must be an expression such as choice(1, 2) or uniform(0, 1), not {str(told)[:80]!r}"
        faults.append(FieldError(path, said))
        return None
    kind, given = told
    if kind == CHOICE:
        return _choice(given, path, faults, depth)
    if kind not in ARGUMENTS:
        hint = closest(kind, [*KINDS])
        faults.append(FieldError(path, f"there is no expression {kind[:50]!r}; {hint}there are {', '.join(KINDS)}"))
        return None
    wanted = ARGUMENTS[kind]
    values = list(given) if isinstance(given, (list, tuple)) else [given]
    if len(values) != len(wanted):
        faults.append(
            FieldError(path, f"{kind} takes {len(wanted)} arguments ({', '.join(wanted)}), got {len(values)}")
        )
        return None
    before = len(faults)
    for name, value in zip(wanted, values):
        if not _is_finite(value):
            faults.append(FieldError(path, f"{kind}: {name} must be a number, not {str(value)[:50]!r}"))
    if len(faults) == before:
        faults += [FieldError(path, f"{kind}: {said}") for said in _out_of_range(kind, values)]
    return Expression(kind, tuple(values)) if len(faults) == before else None


def _is_finite(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and isinstance(value, (int, float)) and math.isfinite(value)
    except OverflowError:
        return False  # a whole number beyond every float


def _out_of_range(kind: str, values: List[float]) -> Iterator[str]:
    """What is wrong with an expression's numbers (v1-behaviours 12.2)."""
    if kind == RANDINT and (values[0] != int(values[0]) or values[0] <= 0):
        yield f"upper must be a whole number above 0, got {values[0]!r}"
    if kind in (UNIFORM, QUNIFORM) and not values[0] < values[1]:
        yield f"min_value must be below max_value, got {values[0]!r} and {values[1]!r}"
    if kind in BOUNDED and values[0] < values[1] and not math.isfinite(values[1] - values[0]):
        yield f"from {values[0]!r} to {values[1]!r} is farther than a number can say"
    if kind in (LOGUNIFORM, QLOGUNIFORM) and not values[0] <= values[1]:
        yield f"min_value must not be above max_value, got {values[0]!r} and {values[1]!r}"
    if kind in (LOGUNIFORM, QLOGUNIFORM) and values[1] > 700:
        yield f"min_value and max_value are logarithms: exp({values[1]!r}) is no number"
    if kind in GAUSSIAN and values[1] < 0:
        yield f"sigma must be 0 or more, got {values[1]!r}"
    if kind in QUANTISED and (values[2] != int(values[2]) or values[2] < 0):
        yield f"q must be a whole number, 1 or more, or 0 for no steps, got {values[2]!r}"


def _choice(given: Any, path: str, faults: List[FieldError], depth: int) -> Optional[Expression]:
    options = _options(given)
    if not options:
        faults.append(FieldError(path, "choice needs at least one option"))
        return None
    if len(options) > OPTIONS_LIMIT:
        faults.append(FieldError(path, f"choice has {len(options):,} options; at most {OPTIONS_LIMIT:,} are allowed"))
        return None
    read: List[Any] = []
    for number, option in enumerate(options):
        if isinstance(option, dict) and option:
            read.append(_read(option, f"{path}[{number}]", faults, depth + 1))
        else:
            read.append(option)
    return Expression(CHOICE, options=tuple(read))


def _options(given: Any) -> List[Any]:
    """v1 wraps the options once: `["choice", [[1, 2]]]`; what is written by hand may leave that out."""
    if not isinstance(given, (list, tuple)):
        return [given]
    if len(given) == 1 and isinstance(given[0], (list, tuple)):
        return list(given[0])
    return list(given)

"""Search spaces and policies as they are typed: `C=loguniform(-3,3)`, `kernel=rbf,linear`, `bandit(slack_factor=0.1)`.

Read as Python literals, never evaluated.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, NamedTuple

from amlet.base.errors import InvalidInput
from amlet.base.names import closest
from amlet.domain.search_space import CHOICE, KINDS
from amlet.domain.sweep import (
    BANDIT,
    HYPERBAND,
    MEDIAN_STOPPING,
    NO_TERMINATION,
    TRUNCATION_SELECTION,
    Policy,
)

POLICY_NAMES = {
    "bandit": BANDIT,
    "median": MEDIAN_STOPPING,
    "medianstopping": MEDIAN_STOPPING,
    "truncation": TRUNCATION_SELECTION,
    "truncationselection": TRUNCATION_SELECTION,
    "hyperband": HYPERBAND,
    "asha": HYPERBAND,
    "none": NO_TERMINATION,
    "default": NO_TERMINATION,
}


class _Call(NamedTuple):
    name: str
    arguments: list[Any]
    named: dict[str, Any]


def read_parameter(text: str) -> tuple[str, list[Any]]:
    """A parameter's name, and its expression in v1's JSON form.

    Raises:
        InvalidInput: with what is wrong in it.
    """
    name, sign, told = text.partition("=")
    name, told = name.strip(), told.strip()
    if not sign or not name or not told:
        raise InvalidInput(f"{text!r} is not NAME=EXPRESSION.", hint="such as 'C=loguniform(-3,3)' or 'k=rbf,linear'.")
    call = _call(told)
    if call is None:
        return name, [CHOICE, [[_value(part) for part in told.split(",")]]]
    if call.name not in KINDS or call.named:
        hint = closest(call.name, list(KINDS))
        raise InvalidInput(f"{told!r} is not an expression of a search space.", hint=f"{hint}{', '.join(KINDS)}.")
    if call.name == CHOICE:
        only = call.arguments[0] if len(call.arguments) == 1 else None
        return name, [CHOICE, [only if isinstance(only, list) else call.arguments]]
    return name, [call.name, call.arguments]


def read_policy(text: str) -> Policy:
    """An early termination policy.

    Raises:
        InvalidInput: with what is wrong in it.
    """
    call = _call(text if text.rstrip().endswith(")") else f"{text}()")
    known = call is not None and POLICY_NAMES.get(call.name.lower().replace("_", ""))
    if call is None or not known:
        given = call.name if call is not None else text
        raise InvalidInput(
            f"There is no policy {given[:50]!r}.",
            hint=f"{closest(given, list(POLICY_NAMES))}bandit(slack_factor=0.1), median, truncation(20), hyperband.",
        )
    fields = [field for field in Policy._fields if field != "name"]
    if known == TRUNCATION_SELECTION and len(call.arguments) == 1:
        call = call._replace(arguments=[], named={"truncation_percentage": call.arguments[0], **call.named})
    wrong = [key for key in call.named if key not in fields]
    if wrong or call.arguments:
        raise InvalidInput(f"{text!r}: a policy takes {', '.join(fields)}, by name.")
    for key, value in call.named.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise InvalidInput(f"{text!r}: {key} must be a number, not {value!r}.")
        if isinstance(value, float) and not key.startswith("slack"):
            raise InvalidInput(f"{text!r}: {key} must be a whole number, not {value!r}.")
    return Policy(known, **call.named)


def _call(text: str) -> _Call | None:
    """A call with literals as arguments; None for a text that is no call."""
    try:
        node = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        node = None
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        if "(" in text:
            raise InvalidInput(f"{text[:200]!r} cannot be read.", hint="write it as a call: uniform(0.1, 1).")
        return None
    named = {word.arg: _literal(word.value, text) for word in node.keywords if word.arg is not None}
    return _Call(node.func.id, [_literal(argument, text) for argument in node.args], named)


def _literal(node: ast.expr, text: str) -> Any:
    """A literal; a bare word is the text that it spells."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_literal(item, text) for item in node.elts]
    if isinstance(node, ast.Dict) and all(key is not None for key in node.keys):
        pairs: Sequence[tuple[ast.expr | None, ast.expr]] = list(zip(node.keys, node.values, strict=True))
        return {str(_literal(key, text)): _nested(value, text) for key, value in pairs if key is not None}
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise InvalidInput(f"{text[:200]!r}: {ast.unparse(node)[:80]} is not a plain value.") from None


def _nested(node: ast.expr, text: str) -> Any:
    """A value of an option that holds parameters: an expression, or a plain value."""
    if isinstance(node, ast.Call):
        return read_parameter(f"x={ast.unparse(node)}")[1]
    return _literal(node, text)


def _value(text: str) -> Any:
    """A number where it is one, else the text itself."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text.strip()

"""Samples of a dataset by a named strategy, as the first generation's `sample` takes them."""

from __future__ import annotations

from typing import Any, Dict, List

from amlet.domain.data import TABULAR_DATASET
from amlet.sdk.dataset import steps
from amlet.sdk.dataset.abstract_dataset import AbstractDataset, checked_count, checked_seed, checked_share
from amlet.sdk.exceptions import UserErrorException

TOP_N, SIMPLE_RANDOM, STRATIFIED = "top_n", "simple_random", "stratified"
"""The strategies of `sample`."""

_ARGUMENTS = {
    TOP_N: (("n",), ()),
    SIMPLE_RANDOM: (("probability",), ("seed",)),
    STRATIFIED: (("columns", "fractions"), ("seed",)),
}


def sampled(definition: AbstractDataset, strategy: str, arguments: Dict[str, Any]) -> Any:
    """The definition of a sample of a dataset: see `Dataset.sample`.

    Raises:
        UserErrorException: for another strategy or other arguments.
    """
    _check_arguments(strategy, arguments)
    seed = arguments.get("seed")
    seed = int(seed) if isinstance(seed, float) else seed
    held: Any = definition
    if strategy == TOP_N:
        return held.take(checked_count(arguments["n"], TOP_N))
    if strategy == SIMPLE_RANDOM:
        return held.take_sample(arguments["probability"], seed)
    if held._kind != TABULAR_DATASET:
        raise UserErrorException("sample('stratified', ...) is for tables: this is a dataset of files.")
    fractions = _fractions(arguments["columns"], arguments["fractions"])
    step = {"step": steps.STRATA, "columns": list(arguments["columns"]), "seed": checked_seed(seed)}
    return held._with_step({**step, "fractions": fractions})


def _check_arguments(strategy: Any, arguments: Any) -> None:
    if strategy not in _ARGUMENTS:
        raise UserErrorException(f"sample_strategy={strategy!r} is none of {', '.join(_ARGUMENTS)}.")
    needed, others = _ARGUMENTS[strategy]
    told = arguments if isinstance(arguments, dict) else {}
    lost = [name for name in needed if name not in told]
    more = [name for name in told if name not in (*needed, *others)]
    if lost or more or not isinstance(arguments, dict):
        raise UserErrorException(
            f"sample({strategy!r}, {arguments!r}): the arguments are {', '.join((*needed, *others))}."
        )


def _fractions(columns: Any, fractions: Any) -> List[Any]:
    """The share of each stratum as a definition keeps it."""
    if not isinstance(columns, list) or not columns or not isinstance(fractions, dict) or not fractions:
        raise UserErrorException(
            f"sample('stratified', ...): columns={columns!r}, fractions={fractions!r} tell no strata.",
            hint="such as {'columns': ['city'], 'fractions': {('Oslo',): 0.5}}.",
        )
    found = []
    for values, share in fractions.items():
        stratum = values if isinstance(values, tuple) else (values,)
        plain = all(value is None or isinstance(value, (str, int, float)) for value in stratum)
        if len(stratum) != len(columns) or not plain:
            raise UserErrorException(
                f"The stratum {values!r} is no tuple of {len(columns)} values: one for each of {columns!r}."
            )
        found.append([list(stratum), checked_share(share, "fractions")])
    return found

"""v1's open datasets, as far as scikit-learn ships their data; the others are refused by name."""

from __future__ import annotations

from typing import Any

from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.refused import refused

_OWN_DATA = "download it in the script, or register its address: Dataset.Tabular.from_delimited_files(url)."


class _Shipped:
    """A dataset that scikit-learn brings along."""

    _loader = ""

    def to_pandas_dataframe(self) -> Any:
        """All of it, with the target as the last column.

        Raises:
            UserErrorException: scikit-learn or pandas is not there.
        """
        try:
            from sklearn import datasets  # type: ignore[import-not-found,import-untyped,unused-ignore]

            frame = getattr(datasets, self._loader)(as_frame=True).frame
        except ImportError as error:
            raise UserErrorException(
                f"{type(self).__name__} needs scikit-learn and pandas.", hint="add them to the environment's packages."
            ) from error
        return frame.rename(columns={"target": "Y"})


class Diabetes(_Shipped):
    """442 patients, ten measures each, and the progression of their disease (`Y`). The measures are scaled."""

    _loader = "load_diabetes"


MNIST = refused("MNIST", "use sklearn.datasets.fetch_openml('mnist_784'), or load_digits() for its small kin.")
PublicHolidays = refused("PublicHolidays", _OWN_DATA)
PublicHolidaysOffline = refused("PublicHolidaysOffline", _OWN_DATA)
NycTlcGreen = refused("NycTlcGreen", _OWN_DATA)
NycTlcYellow = refused("NycTlcYellow", _OWN_DATA)
NycTlcFhv = refused("NycTlcFhv", _OWN_DATA)
NoaaIsdWeather = refused("NoaaIsdWeather", _OWN_DATA)
NoaaGfsWeather = refused("NoaaGfsWeather", _OWN_DATA)
OjSalesSimulated = refused("OjSalesSimulated", _OWN_DATA)
SampleDatasets = refused("SampleDatasets", _OWN_DATA)

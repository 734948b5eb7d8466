"""v1's `azureml.opendatasets`: names of amlet.sdk."""

from amlet.sdk.opendatasets import (
    MNIST,
    Diabetes,
    NoaaGfsWeather,
    NoaaIsdWeather,
    NycTlcFhv,
    NycTlcGreen,
    NycTlcYellow,
    OjSalesSimulated,
    PublicHolidays,
    PublicHolidaysOffline,
    SampleDatasets,
)

__all__ = [
    "MNIST",
    "Diabetes",
    "NoaaGfsWeather",
    "NoaaIsdWeather",
    "NycTlcFhv",
    "NycTlcGreen",
    "NycTlcYellow",
    "OjSalesSimulated",
    "PublicHolidays",
    "PublicHolidaysOffline",
    "SampleDatasets",
]

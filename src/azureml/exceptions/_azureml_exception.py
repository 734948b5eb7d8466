"""v1's private module of the same names, which scripts import from too."""

from azureml.exceptions import *  # noqa: F403
from azureml.exceptions import __all__ as __all__

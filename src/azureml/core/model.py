"""v1's module: names of amlet.sdk."""

from amlet.sdk.inference_config import InferenceConfig
from amlet.sdk.model import Model
from amlet.sdk.model_package import ModelPackage
from amlet.sdk.model_path import MODELS_DIR

__all__ = ["MODELS_DIR", "InferenceConfig", "Model", "ModelPackage"]

from azureml.core import Workspace

Workspace.from_config()

from azureml.core import Environment, Workspace

Environment.get(Workspace.from_config(), "AzureML-Tutorail")

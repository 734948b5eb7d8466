from azureml.core import Environment

Environment.from_conda_specification("env", "conda.yml")

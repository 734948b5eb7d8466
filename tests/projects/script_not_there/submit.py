from azureml.core import Experiment, ScriptRunConfig, Workspace

ws = Workspace.from_config()
Experiment(ws, "broken").submit(ScriptRunConfig(".", "train_iri.py"))

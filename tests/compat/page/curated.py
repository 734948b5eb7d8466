import sys

from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace

ws = Workspace.from_config()
env = Environment.get(workspace=ws, name=sys.argv[1])
run = Experiment(ws, "curated").submit(ScriptRunConfig(".", "train_iris.py", environment=env))
run.wait_for_completion(show_output=True)
print("Accuracy", run.get_metrics()["Accuracy"])

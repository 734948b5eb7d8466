import sys

from azureml.core import Environment, Experiment, Model, ScriptRunConfig, Workspace

ws = Workspace.from_config()
env = Environment("own")
env.python.user_managed_dependencies = True
env.python.interpreter_path = sys.executable
run = Experiment(ws, "broken").submit(ScriptRunConfig(".", "train.py", environment=env))
run.wait_for_completion(show_output=True)

from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace

ws = Workspace.from_config()
env = Environment.from_conda_specification("env", "conda.yml")
run = Experiment(ws, "broken").submit(ScriptRunConfig(".", "train.py", environment=env))
run.wait_for_completion(show_output=True)

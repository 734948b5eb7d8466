import sys

from azureml.core import Environment, Experiment, Model, ScriptRunConfig, Workspace

ws = Workspace.from_config()
env = Environment("own")
env.python.user_managed_dependencies = True
env.python.interpreter_path = sys.executable
run = Experiment(ws, "broken").submit(ScriptRunConfig(".", "train.py", environment=env))
run.wait_for_completion(show_output=True)
model = run.register_model("text", "outputs/model.pkl", model_framework=Model.Framework.SCIKITLEARN)
service = Model.deploy(ws, "does-not-load", [model], overwrite=True)
service.wait_for_deployment(show_output=True)

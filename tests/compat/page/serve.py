from azureml.core import Environment, Experiment, Model, ScriptRunConfig, Workspace

ws = Workspace.from_config()
env = Environment.from_conda_specification(name="sklearn-env", file_path="conda_dependencies.yml")
run = Experiment(ws, "serving").submit(ScriptRunConfig(".", "train_iris.py", environment=env))
run.wait_for_completion()
model = run.register_model("served", "outputs/model.joblib", model_framework=Model.Framework.SCIKITLEARN)
service = Model.deploy(ws, "plain-http", [model], overwrite=True)
service.wait_for_deployment()
assert service.state == "Healthy"
print(service.scoring_uri)

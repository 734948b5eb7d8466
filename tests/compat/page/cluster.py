from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.core.compute_target import ComputeTargetException

ws = Workspace.from_config()
try:
    cluster = ComputeTarget(workspace=ws, name="cpu-cluster")
except ComputeTargetException:
    config = AmlCompute.provisioning_configuration(vm_size="STANDARD_D2_V2", max_nodes=2)
    cluster = ComputeTarget.create(ws, "cpu-cluster", config)
    cluster.wait_for_completion(show_output=True, min_node_count=None, timeout_in_minutes=20)
env = Environment.from_conda_specification(name="sklearn-env", file_path="conda_dependencies.yml")
src = ScriptRunConfig(".", "train_iris.py", environment=env, compute_target=ws.compute_targets["cpu-cluster"])
runs = [Experiment(ws, "cluster").submit(src) for _ in range(3)]
for run in runs:
    run.wait_for_completion()
print(cluster.get_status().serialize())
print(*[run.get_status() for run in runs])

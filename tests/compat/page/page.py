from azureml.core import Workspace, Environment, ScriptRunConfig, Experiment, Model
from azureml.core.resource_configuration import ResourceConfiguration
ws = Workspace.from_config()
env = Environment.from_conda_specification(name='sklearn-env', file_path='conda_dependencies.yml')
src = ScriptRunConfig(source_directory='.', script='train_iris.py', arguments=['--kernel', 'linear', '--penalty', 1.0], environment=env)
run = Experiment(ws, 'Tutorial-TrainIRIS').submit(src)
run.wait_for_completion(show_output=True)
model = run.register_model(model_name='sklearn-iris', model_path='outputs/model.joblib', model_framework=Model.Framework.SCIKITLEARN,
                           model_framework_version='0.19.1', resource_configuration=ResourceConfiguration(cpu=1, memory_in_gb=0.5))
service = Model.deploy(ws, 'scikit-learn-service', [model])
service.wait_for_deployment(show_output=True)
print(service.run('{"data": [[5.1, 3.5, 1.4, 0.2]], "method": "predict"}'))    # {'predict': [0]}

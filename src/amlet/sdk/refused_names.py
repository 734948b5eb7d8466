"""v1's classes and functions that amlet refuses, each with what to use instead. docs/v1.md lists them."""

from __future__ import annotations

from amlet.sdk.refused import refused

_LOG = "amlet sends no diagnostics: use Python's logging."
_PYTHON = "leave it out: jobs are Python processes. A script may start R itself, from an image that has it."
_OPEN = "reach the server over your own network: `amlet server run --host`, with AMLET_URL and AMLET_TOKEN."
_TARGET = "use ComputeTarget.create(ws, name, AmlCompute.provisioning_configuration(...)); runs prepare it."
_CLUSTER = "use AmlCompute: ComputeTarget.create(ws, name, AmlCompute.provisioning_configuration(...))."
_MACHINE = "attach a machine by RemoteCompute.attach_configuration(address=...), or use AmlCompute."
_SPARK = "run the script on AmlCompute, or on a machine with Spark by RemoteCompute; amlet starts no Spark."
_KUBERNETES = "use AmlCompute; a server with `--engine ray` grows over a cluster that Ray has, on Kubernetes too."
_ERRORS = "catch HyperDriveConfigException: it says every fault in words."
_FRAMEWORK = "use ScriptRunConfig with an Environment that names the framework's package."
_SPREAD = "use MpiConfiguration or PyTorchConfiguration of azureml.core.runconfig."
_IMAGE = "deploy the model itself: Model.deploy(ws, name, [model])."
_DATA = "move and query data in the script, with the service's own package."
_DATASET = "use Dataset.Tabular and Dataset.File."
_PROFILE = "use dataset.to_pandas_dataframe().describe()."

# azureml.core.environment
RSection = refused("RSection", _PYTHON)
RCranPackage = refused("RCranPackage", _PYTHON)
RGitHubPackage = refused("RGitHubPackage", _PYTHON)

# azureml.core.runconfig
EnvironmentDefinition = refused("EnvironmentDefinition", "use azureml.core.Environment(name).")

# azureml.core
Image = refused("Image", _IMAGE)
LinkedService = refused("LinkedService", "read other services in the script, with their own packages.")
SynapseWorkspaceLinkedServiceConfiguration = refused(
    "SynapseWorkspaceLinkedServiceConfiguration", "read other services in the script, with their own packages."
)
PrivateEndPoint = refused("PrivateEndPoint", _OPEN)
PrivateEndPointConfig = refused("PrivateEndPointConfig", _OPEN)
attach_legacy_compute_target = refused("attach_legacy_compute_target", _TARGET)
remove_legacy_compute_target = refused("remove_legacy_compute_target", 'use ws.compute_targets["name"].delete().')
prepare_compute_target = refused("prepare_compute_target", _TARGET)
is_compute_target_prepared = refused("is_compute_target_prepared", _TARGET)

# azureml.core.image
Asset = refused("Asset", _IMAGE)
ImageConfig = refused("ImageConfig", _IMAGE)
TargetRuntime = refused("TargetRuntime", _IMAGE)
UnknownImage = refused("UnknownImage", _IMAGE)

# azureml.core.compute
HDInsightCompute = refused("HDInsightCompute", _SPARK)
HDInsightAttachConfiguration = refused("HDInsightAttachConfiguration", _SPARK)
DatabricksCompute = refused("DatabricksCompute", _SPARK)
DatabricksAttachConfiguration = refused("DatabricksAttachConfiguration", _SPARK)
SynapseCompute = refused("SynapseCompute", _SPARK)
SynapseAttachConfiguration = refused("SynapseAttachConfiguration", _SPARK)
BatchCompute = refused("BatchCompute", _CLUSTER)
BatchAttachConfiguration = refused("BatchAttachConfiguration", _CLUSTER)
DsvmCompute = refused("DsvmCompute", _MACHINE)
DsvmProvisioningConfiguration = refused("DsvmProvisioningConfiguration", _MACHINE)
KubernetesCompute = refused("KubernetesCompute", _KUBERNETES)
KubernetesComputeAttachConfiguration = refused("KubernetesComputeAttachConfiguration", _KUBERNETES)
KubernetesComputeStatus = refused("KubernetesComputeStatus", _KUBERNETES)
AdlaCompute = refused("AdlaCompute", _DATA)
DataLakeAnalyticsAttachConfiguration = refused("DataLakeAnalyticsAttachConfiguration", _DATA)
DataFactoryCompute = refused("DataFactoryCompute", _DATA)
DataFactoryProvisioningConfiguration = refused("DataFactoryProvisioningConfiguration", _DATA)
DataFactoryAttachConfiguration = refused("DataFactoryAttachConfiguration", _DATA)
KustoCompute = refused("KustoCompute", _DATA)
KustoAttachConfiguration = refused("KustoAttachConfiguration", _DATA)

# azureml.telemetry and its modules
get_event_logger = refused("get_event_logger", _LOG)
ActivityType = refused("ActivityType", _LOG)
ActivityCompletionStatus = refused("ActivityCompletionStatus", _LOG)
ActivityLoggerAdapter = refused("ActivityLoggerAdapter", _LOG)
log_activity = refused("log_activity", _LOG)
monitor_with_activity = refused("monitor_with_activity", _LOG)
Event = refused("Event", _LOG)
ExtensionFields = refused("ExtensionFields", _LOG)
Metric = refused("Metric", _LOG)
RequiredFields = refused("RequiredFields", _LOG)
StandardFields = refused("StandardFields", _LOG)
TelemetryObjectBase = refused("TelemetryObjectBase", _LOG)
LogScope = refused("LogScope", _LOG)
context_scope = refused("context_scope", _LOG)
ctx_scope = refused("ctx_scope", _LOG)
AbstractEventLogger = refused("AbstractEventLogger", _LOG)
ApplicationInsightsEventLogger = refused("ApplicationInsightsEventLogger", _LOG)
InMemoryEventLogger = refused("InMemoryEventLogger", _LOG)
Loggers = refused("Loggers", _LOG)
AppInsightsLoggingHandler = refused("AppInsightsLoggingHandler", _LOG)
get_appinsights_log_handler = refused("get_appinsights_log_handler", _LOG)

# azureml.data and azureml.core.databricks
_MOUNTED = "mount it on the server's machine and use Datastore.register_folder(ws, name, path)."
_CACHES = "nodes keep what they fetch by themselves: use dataset.as_named_input(name).as_mount()."
_QUERY = "use Dataset.Tabular.from_sql_query(DataPath(datastore, query))."
_WRITES = "use OutputFileDatasetConfig(): its path is the script's to write to."
AzureDataLakeDatastore = refused(
    "AzureDataLakeDatastore", "Azure closed Data Lake Storage Gen1: use Datastore.register_azure_data_lake_gen2."
)
DBFSDatastore = refused("DBFSDatastore", _MOUNTED)
HDFSDatastore = refused("HDFSDatastore", _MOUNTED)
HDFSOutputDatasetConfig = refused("HDFSOutputDatasetConfig", _WRITES)
LinkFileOutputDatasetConfig = refused("LinkFileOutputDatasetConfig", _WRITES)
LinkTabularOutputDatasetConfig = refused("LinkTabularOutputDatasetConfig", _WRITES)
SqlDataReference = refused("SqlDataReference", _QUERY)
StoredProcedureParameter = refused("StoredProcedureParameter", _QUERY)
StoredProcedureParameterType = refused("StoredProcedureParameterType", _QUERY)
DatacacheStore = refused("DatacacheStore", _CACHES)
DatacacheHydrationTracker = refused("DatacacheHydrationTracker", _CACHES)
DatacacheConsumptionConfig = refused("DatacacheConsumptionConfig", _CACHES)
DatacacheSingularitySettings = refused("DatacacheSingularitySettings", _CACHES)
SingularitySlaTier = refused("SingularitySlaTier", _CACHES)
SingularityPriority = refused("SingularityPriority", _CACHES)
DatasetActionRun = refused("DatasetActionRun", "look at the data itself: dataset.to_pandas_dataframe().")
DatasetContextManager = refused("DatasetContextManager", "use `with dataset.mount() as context`.")
DatastoreContextManager = refused("DatastoreContextManager", "use `with dataset.mount() as context`.")
MavenLibrary = refused("MavenLibrary", _SPARK)
PyPiLibrary = refused("PyPiLibrary", _SPARK)
RCranLibrary = refused("RCranLibrary", _SPARK)
JarLibrary = refused("JarLibrary", _SPARK)
EggLibrary = refused("EggLibrary", _SPARK)
DatabricksCluster = refused("DatabricksCluster", _SPARK)
DatabricksSection = refused("DatabricksSection", _SPARK)
DatabricksEnvironment = refused("DatabricksEnvironment", _SPARK)
DatasetDefinition = refused("DatasetDefinition", _DATASET)
DatasetSnapshot = refused("DatasetSnapshot", "register versions: dataset.register(ws, name, create_new_version=True).")
DatasetProfile = refused("DatasetProfile", _PROFILE)
DatasetProfileRun = refused("DatasetProfileRun", _PROFILE)
DatasetProfileRunConfig = refused("DatasetProfileRunConfig", _PROFILE)

# azureml.train
HyperDriveTrainingError = refused("HyperDriveTrainingError", _ERRORS)
HyperDriveRunCancellationError = refused("HyperDriveRunCancellationError", _ERRORS)
InvalidComputeTarget = refused("InvalidComputeTarget", _ERRORS)
InvalidRunHost = refused("InvalidRunHost", _ERRORS)
MissingChoiceValues = refused("MissingChoiceValues", _ERRORS)
InvalidConfigSetting = refused("InvalidConfigSetting", _ERRORS)
InvalidType = refused("InvalidType", _ERRORS)
InvalidKeyInDict = refused("InvalidKeyInDict", _ERRORS)
RehydratePolicyNotFound = refused("RehydratePolicyNotFound", _ERRORS)
HyperDriveNotImplemented = refused("HyperDriveNotImplemented", _ERRORS)
RehydrateUnknownSampling = refused("RehydrateUnknownSampling", _ERRORS)
DictValidationInvalidArgument = refused("DictValidationInvalidArgument", _ERRORS)
DistributionValidationFailure = refused("DistributionValidationFailure", _ERRORS)
ResumeChildRunsContainsDuplicate = refused("ResumeChildRunsContainsDuplicate", _ERRORS)
ResumeChildRunsNotInTerminalState = refused("ResumeChildRunsNotInTerminalState", _ERRORS)
ResumeChildRunsWithoutParentRun = refused("ResumeChildRunsWithoutParentRun", _ERRORS)
ResumeChildRunsFromTooManyParentRuns = refused("ResumeChildRunsFromTooManyParentRuns", _ERRORS)
WarmStartRunsDontMatch = refused("WarmStartRunsDontMatch", _ERRORS)
HyperDriveErrorStrings = refused("HyperDriveErrorStrings", _ERRORS)
ExperimentSubmitRegistrar = refused("ExperimentSubmitRegistrar", "Experiment.submit takes every configuration.")
MMLBaseEstimatorRunConfig = refused("MMLBaseEstimatorRunConfig", "use ScriptRunConfig, or Estimator.")
TensorFlow = refused("TensorFlow", _FRAMEWORK)
PyTorch = refused("PyTorch", _FRAMEWORK)
Chainer = refused("Chainer", _FRAMEWORK)
Mpi = refused("Mpi", _SPREAD)
ParameterServer = refused("ParameterServer", _SPREAD)
Gloo = refused("Gloo", _SPREAD)
Nccl = refused("Nccl", _SPREAD)

# azureml.widgets
ParallelRunStepDetails = refused("ParallelRunStepDetails", "amlet has no pipelines: RunDetails(run) shows a run.")

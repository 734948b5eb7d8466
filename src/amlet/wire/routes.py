"""The table of routes: it drives dispatch, the client's methods, the OpenAPI document and the authorisation tests."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple, Tuple

from amlet.domain.artifact import Tree
from amlet.domain.data import DatasetRecord
from amlet.domain.environment import EnvironmentBuild, EnvironmentSpec, Lock
from amlet.domain.model import Model
from amlet.domain.run import Run
from amlet.domain.service import Service
from amlet.domain.workspace import Experiment, Workspace
from amlet.wire import computes, data, environments, files, models, nodes, runs, server, services, sweeps, workspaces
from amlet.wire.codec import Raw

ANYONE = "anyone"
OWNER = "owner"
NODE = "node"
RUN = "run"
"""A run's own token: for its own run, and for what a job may read or make in its workspace."""

_WORKSPACE = "/api/workspaces/{workspace_id}"
_RUN = _WORKSPACE + "/runs/{run_id}"


class Route(NamedTuple):
    """One thing that can be asked of the server.

    Attributes:
        name: `noun.verb`; the client has a method of that name, the server a handler.
        path: With `{parameter}`s, each one whole segment.
        access: Who may call it.
        answer: A record's class, or Raw for bytes, or None. One that has `read_from` is streamed as lines of JSON.
        body: A record's class, or Raw for streamed bytes, or None.
        query: A record's class of the query parameters, or None.
        summary: One line for the OpenAPI document.
    """

    name: str
    method: str
    path: str
    access: Tuple[str, ...]
    answer: Any
    summary: str
    body: Any = None
    query: Any = None


HEALTH = Route("server.health", "GET", "/api/health", (ANYONE,), server.Health, "Whether the server is up")
STATUS = Route("server.status", "GET", "/api/server", (OWNER,), server.ServerStatus, "What the server does now")
STOP = Route("server.stop", "POST", "/api/server/stop", (OWNER,), server.Done, "End the server", server.StopServer)
TICKET = Route("server.ticket", "POST", "/api/tickets", (OWNER,), server.Ticket, "A single-use code for a browser")

WORKSPACE_ENSURE = Route(
    "workspaces.ensure",
    "POST",
    "/api/workspaces",
    (OWNER,),
    workspaces.WorkspaceAnswer,
    "Find or make a workspace",
    workspaces.EnsureWorkspace,
)
WORKSPACE_GET = Route("workspaces.get", "GET", _WORKSPACE, (OWNER, RUN), Workspace, "One workspace")
EXPERIMENT_ENSURE = Route(
    "experiments.ensure",
    "PUT",
    _WORKSPACE + "/experiments/{name}",
    (OWNER, RUN),
    Experiment,
    "Find or make an experiment",
)

WORKSPACE_LIST = Route("workspaces.list", "GET", "/api/workspaces", (OWNER,), workspaces.Workspaces, "All workspaces")
EXPERIMENT_LIST = Route(
    "experiments.list",
    "GET",
    _WORKSPACE + "/experiments",
    (OWNER, RUN),
    workspaces.Experiments,
    "Experiments by name",
    query=workspaces.ExperimentQuery,
)
EXPERIMENT_UPDATE = Route(
    "experiments.update",
    "PATCH",
    _WORKSPACE + "/experiments/{name}",
    (OWNER,),
    Experiment,
    "Tag, archive or reactivate an experiment",
    workspaces.UpdateExperiment,
)
EXPERIMENT_DELETE = Route(
    "experiments.delete",
    "DELETE",
    _WORKSPACE + "/experiments/{name}",
    (OWNER,),
    server.Done,
    "Delete an experiment that has no runs, or only trashed ones",
)

BLOB_MISSING = Route(
    "blobs.missing",
    "POST",
    _WORKSPACE + "/blobs/missing",
    (OWNER, NODE, RUN),
    files.Hashes,
    "Which of these blobs the server lacks",
    files.Hashes,
)
BLOB_BEGUN = Route(
    "blobs.begun",
    "GET",
    _WORKSPACE + "/blobs/{sha256}/begun",
    (OWNER, NODE, RUN),
    files.SizeAnswer,
    "How much of a blob the server has: all, or what came before an upload broke off",
    query=files.BegunQuery,
)
BLOB_PUT = Route(
    "blobs.put",
    "PUT",
    _WORKSPACE + "/blobs/{sha256}",
    (OWNER, NODE, RUN),
    server.Done,
    "Send one blob, or the rest of one that broke off",
    Raw,
    files.BlobQuery,
)
BLOB_PUT_PACK = Route(
    "blobs.put_pack", "POST", _WORKSPACE + "/packs", (OWNER, NODE, RUN), server.Done, "Send many small blobs", Raw
)
BLOB_GET = Route("blobs.get", "GET", _WORKSPACE + "/blobs/{sha256}", (OWNER, NODE), Raw, "The bytes of one blob")
BLOB_GET_PACK = Route(
    "blobs.get_pack", "POST", _WORKSPACE + "/packs/fetch", (OWNER, NODE), Raw, "Many small blobs", files.Hashes
)

ENVIRONMENT_REGISTER = Route(
    "environments.register",
    "POST",
    _WORKSPACE + "/environments",
    (OWNER,),
    environments.EnvironmentRecord,
    "Register an environment; an unchanged one keeps its version",
    EnvironmentSpec,
)
ENVIRONMENT_GET = Route(
    "environments.get",
    "GET",
    _WORKSPACE + "/environments/{name}",
    (OWNER, RUN),
    environments.EnvironmentRecord,
    "A registered or curated environment",
    query=environments.EnvironmentQuery,
)
ENVIRONMENT_LIST = Route(
    "environments.list",
    "GET",
    _WORKSPACE + "/environments",
    (OWNER, RUN),
    environments.Environments,
    "The latest version of every environment, curated ones included",
)
ENVIRONMENT_VERSIONS = Route(
    "environments.versions",
    "GET",
    _WORKSPACE + "/environments/{name}/versions",
    (OWNER, RUN),
    environments.Environments,
    "Every version of an environment, oldest first",
)
ENVIRONMENT_BUILD = Route(
    "environments.build",
    "POST",
    _WORKSPACE + "/environment-builds",
    (OWNER,),
    EnvironmentBuild,
    "Resolve and build an environment",
    environments.BuildEnvironment,
)
ENVIRONMENT_BUILD_STATE = Route(
    "environments.build_state",
    "GET",
    _WORKSPACE + "/environment-builds/{build_id}",
    (OWNER,),
    environments.BuildState,
    "One build, its log from an offset, or its next change",
    query=environments.BuildQuery,
)
ENVIRONMENT_LOCK = Route(
    "environments.lock",
    "GET",
    _WORKSPACE + "/locks/{lock_id}",
    (OWNER, RUN),
    Lock,
    "The exact packages of an environment's version, a run or a model",
)

COMPUTE_CREATE = Route(
    "computes.create",
    "PUT",
    _WORKSPACE + "/computes/{name}",
    (OWNER,),
    computes.ComputeState,
    "Make a compute target",
    computes.CreateCompute,
)
COMPUTE_GET = Route(
    "computes.get", "GET", _WORKSPACE + "/computes/{name}", (OWNER, RUN), computes.ComputeState, "One compute target"
)
COMPUTE_LIST = Route(
    "computes.list", "GET", _WORKSPACE + "/computes", (OWNER, RUN), computes.Computes, "All compute targets"
)
COMPUTE_UPDATE = Route(
    "computes.update",
    "PATCH",
    _WORKSPACE + "/computes/{name}",
    (OWNER,),
    computes.ComputeState,
    "Change how many nodes a target may have",
    computes.UpdateCompute,
)
COMPUTE_SWITCH = Route(
    "computes.switch",
    "POST",
    _WORKSPACE + "/computes/{name}/switch",
    (OWNER,),
    computes.ComputeState,
    "Start, stop or restart a compute instance",
    computes.SwitchCompute,
)
COMPUTE_NODES = Route(
    "computes.nodes",
    "GET",
    _WORKSPACE + "/computes/{name}/nodes",
    (OWNER, RUN),
    computes.ComputeNodes,
    "The nodes of a compute target and what each does",
)
COMPUTE_DELETE = Route(
    "computes.delete", "DELETE", _WORKSPACE + "/computes/{name}", (OWNER,), server.Done, "Delete a compute target"
)

RUN_SUBMIT = Route(
    "runs.submit", "POST", _WORKSPACE + "/runs", (OWNER,), runs.SubmitAnswer, "Submit a job", runs.SubmitRun
)
RUN_LIST = Route(
    "runs.list", "GET", _WORKSPACE + "/runs", (OWNER, RUN), runs.RunPage, "Runs, newest first", query=runs.RunQuery
)
RUN_START = Route(
    "runs.start",
    "POST",
    _WORKSPACE + "/interactive-runs",
    (OWNER, RUN),
    runs.Runs,
    "Start runs whose process is there already",
    runs.StartRuns,
)
RUN_END = Route(
    "runs.end", "POST", _RUN + "/end", (OWNER, NODE, RUN), Run, "End a run that no node executes", runs.EndRun
)
RUN_UPDATE = Route("runs.update", "PATCH", _RUN, (OWNER, RUN), Run, "Change names, tags and properties", runs.UpdateRun)
RUN_TRASH = Route("runs.trash", "DELETE", _RUN, (OWNER,), Run, "Put a run that is over into the trash")
RUN_RESTORE = Route("runs.restore", "POST", _RUN + "/restore", (OWNER,), Run, "Take a run out of the trash")
TRASH_EMPTY = Route(
    "runs.empty_trash",
    "POST",
    "/api/trash/empty",
    (OWNER,),
    runs.TrashAnswer,
    "Empty the trash and free blobs that nobody refers to",
    query=runs.TrashQuery,
)
RUN_CHART = Route(
    "runs.chart",
    "GET",
    _RUN + "/chart",
    (OWNER, RUN),
    runs.Chart,
    "One metric, thinned out for drawing",
    query=runs.ChartQuery,
)
RUN_SNAPSHOT = Route("runs.snapshot", "GET", _RUN + "/snapshot", (OWNER, RUN), Tree, "The files that were submitted")
RUN_PUT_SNAPSHOT = Route(
    "runs.put_snapshot",
    "POST",
    _RUN + "/snapshot",
    (OWNER, RUN),
    files.TreeAnswer,
    "Record the sources of an interactive run, once",
    files.PutTree,
)
RUN_GET = Route(
    "runs.get", "GET", _RUN, (OWNER, RUN), runs.RunDetails, "All of a run but its bytes", query=runs.EndQuery
)
RUN_WATCH = Route(
    "runs.watch",
    "GET",
    _RUN + "/changes",
    (OWNER, RUN),
    runs.RunChanges,
    "Wait for a change of the run, its files or its logs",
    query=runs.WatchQuery,
)
RUN_CANCEL = Route("runs.cancel", "POST", _RUN + "/cancel", (OWNER, RUN), Run, "End a run")
RUN_METRICS = Route(
    "runs.metrics", "GET", _RUN + "/metrics", (OWNER, RUN), runs.Metrics, "What it logged", query=runs.MetricQuery
)
RUN_FILE = Route(
    "runs.file",
    "GET",
    _RUN + "/file",
    (OWNER, RUN),
    Raw,
    "The bytes of one file, from an offset",
    query=files.FileQuery,
)
RUN_PUT_FILES = Route(
    "runs.put_files",
    "POST",
    _RUN + "/files",
    (OWNER, NODE, RUN),
    files.TreeAnswer,
    "Add files whose blobs were sent",
    runs.PutFiles,
)
RUN_DRAIN = Route(
    "runs.drain",
    "POST",
    _RUN + "/journal",
    (OWNER, NODE, RUN),
    files.SizeAnswer,
    "Bring bytes of a journal",
    Raw,
    files.DrainQuery,
)

SWEEP_SUBMIT = Route(
    "sweeps.submit",
    "POST",
    _WORKSPACE + "/sweeps",
    (OWNER,),
    runs.SubmitAnswer,
    "Submit a job many times, with parameters from a search space",
    sweeps.SubmitSweep,
)
SWEEP_GET = Route(
    "sweeps.get",
    "GET",
    _RUN + "/sweep",
    (OWNER, RUN),
    sweeps.SweepDetails,
    "A sweep and its best trial, or its next change",
    query=runs.WatchQuery,
)
SWEEP_TRIALS = Route(
    "sweeps.trials",
    "GET",
    _RUN + "/trials",
    (OWNER, RUN),
    sweeps.TrialPage,
    "The trials of a sweep, in an order",
    query=sweeps.TrialQuery,
)
SWEEP_DECISIONS = Route(
    "sweeps.decisions",
    "GET",
    _RUN + "/decisions",
    (OWNER, RUN),
    sweeps.Decisions,
    "What a sweep's policy decided, and by which numbers",
    query=sweeps.DecisionQuery,
)
SWEEP_EXTEND = Route(
    "sweeps.extend", "POST", _RUN + "/extend", (OWNER,), sweeps.SweepDetails, "More trials", sweeps.ExtendSweep
)
SWEEP_RESUME = Route(
    "sweeps.resume",
    "POST",
    _RUN + "/resume",
    (OWNER,),
    sweeps.SweepDetails,
    "Try again the trials that a sweep lacks",
    sweeps.ResumeSweep,
)

NODE_HELLO = Route(
    "nodes.hello", "POST", "/api/nodes/hello", (NODE,), nodes.NodeWelcome, "A node presents itself", nodes.NodeHello
)
NODE_TAKE = Route("nodes.take", "POST", "/api/nodes/take", (NODE,), nodes.LeaseAnswer, "Ask for work", nodes.TakeLease)
NODE_RENEW = Route("nodes.renew", "POST", _RUN + "/lease", (NODE,), nodes.LeaseState, "Keep a lease", nodes.RenewLease)
NODE_STARTED = Route(
    "nodes.started", "POST", _RUN + "/started", (NODE,), server.Done, "The script runs", nodes.AttemptStarted
)
NODE_APPEND = Route(
    "nodes.append_log",
    "POST",
    _RUN + "/log",
    (NODE,),
    files.SizeAnswer,
    "Bring bytes of a log",
    Raw,
    files.AppendQuery,
)
NODE_FINALIZING = Route(
    "nodes.finalizing",
    "POST",
    _RUN + "/finalizing",
    (NODE,),
    server.Done,
    "The script has ended; its outputs follow",
    nodes.AttemptQuery,
)
NODE_OUTPUTS = Route(
    "nodes.put_outputs",
    "POST",
    _RUN + "/outputs",
    (NODE,),
    nodes.LiveAnswer,
    "What is in ./outputs while the script runs",
    nodes.LiveOutputs,
)
NODE_SETTLE = Route(
    "nodes.settle", "POST", _RUN + "/settle", (NODE,), nodes.SettleAnswer, "How it ended", nodes.SettleAttempt
)
NODE_JOIN = Route(
    "nodes.join", "POST", _RUN + "/gang", (NODE,), nodes.GangAnswer, "Wait for the run's other nodes", nodes.JoinGang
)
NODE_END_RANK = Route(
    "nodes.end_rank",
    "POST",
    _RUN + "/gang/end",
    (NODE,),
    nodes.SettleAnswer,
    "How one node's part of it ended",
    nodes.EndRank,
)
NODE_REPLICAS = Route(
    "nodes.sync_replicas",
    "POST",
    "/api/nodes/replicas",
    (NODE,),
    nodes.WantedReplicas,
    "Tell the replicas held, learn those wanted",
    nodes.SyncReplicas,
)
NODE_PARCEL = Route(
    "nodes.parcel", "GET", "/api/nodes/parcels/{digest}", (NODE,), Raw, "What a node brings along to its machine"
)
NODE_SERVICE_LOG = Route(
    "nodes.append_service_log",
    "POST",
    _WORKSPACE + "/services/{name}/log",
    (NODE,),
    server.Done,
    "Bring lines of a replica's log",
    Raw,
    services.VersionQuery,
)

MODEL_REGISTER = Route(
    "models.register",
    "POST",
    _WORKSPACE + "/models",
    (OWNER, RUN),
    models.RegisterAnswer,
    "Make the next version of a model",
    models.RegisterModel,
)
MODEL_LIST = Route(
    "models.list",
    "GET",
    _WORKSPACE + "/models",
    (OWNER, RUN),
    models.Models,
    "Models, newest first",
    query=models.ModelQuery,
)
MODEL_GET = Route(
    "models.get", "GET", _WORKSPACE + "/models/{name}/{version}", (OWNER, RUN), Model, "One version of a model"
)
MODEL_FILES = Route(
    "models.files", "GET", _WORKSPACE + "/models/{name}/{version}/files", (OWNER, RUN), Tree, "The files of a model"
)
MODEL_FILE = Route(
    "models.file",
    "GET",
    _WORKSPACE + "/models/{name}/{version}/file",
    (OWNER, RUN),
    Raw,
    "The bytes of one file of a model",
    query=files.FileQuery,
)
MODEL_DELETE = Route(
    "models.delete",
    "DELETE",
    _WORKSPACE + "/models/{name}/{version}",
    (OWNER,),
    server.Done,
    "Delete one version of a model",
    query=models.DeleteQuery,
)

MODEL_RESOLVE = Route(
    "models.resolve",
    "GET",
    _WORKSPACE + "/model",
    (OWNER, RUN),
    Model,
    "The model that a name, a version or an alias stands for",
    query=models.ModelResolve,
)
MODEL_EDIT = Route(
    "models.edit",
    "PATCH",
    _WORKSPACE + "/models/{name}/{version}",
    (OWNER, RUN),
    Model,
    "Change what is said of a version",
    models.EditModel,
)
MODEL_ALIASES = Route(
    "models.aliases",
    "GET",
    _WORKSPACE + "/model-aliases/{name}",
    (OWNER, RUN),
    models.Aliases,
    "The aliases of a model",
)
MODEL_SET_ALIAS = Route(
    "models.set_alias",
    "PUT",
    _WORKSPACE + "/model-aliases/{name}",
    (OWNER, RUN),
    models.Aliases,
    "Let an alias stand for a version",
    models.SetAlias,
)
MODEL_ROLLBACK = Route(
    "models.rollback",
    "POST",
    _WORKSPACE + "/model-aliases/{name}/rollback",
    (OWNER,),
    models.Aliases,
    "Let an alias stand for the version that it stood for before",
    models.Rollback,
)
MODEL_HISTORY = Route(
    "models.history",
    "GET",
    _WORKSPACE + "/model-history/{name}",
    (OWNER, RUN),
    models.History,
    "What became of a model's versions and aliases",
)

_DATASTORE = _WORKSPACE + "/datastores/{name}"
DATASTORE_CREATE = Route(
    "datastores.create",
    "PUT",
    _DATASTORE,
    (OWNER,),
    data.DatastoreState,
    "Register a datastore",
    data.CreateDatastore,
)
DATASTORE_GET = Route(
    "datastores.get", "GET", _DATASTORE, (OWNER, NODE, RUN), data.DatastoreState, "One datastore, without its secrets"
)
DATASTORE_LIST = Route(
    "datastores.list", "GET", _WORKSPACE + "/datastores", (OWNER, RUN), data.Datastores, "All datastores"
)
DATASTORE_DELETE = Route(
    "datastores.delete", "DELETE", _DATASTORE, (OWNER,), server.Done, "Unregister a datastore; its data stays"
)
DATASTORE_DEFAULT = Route(
    "datastores.set_default", "POST", _DATASTORE + "/default", (OWNER,), server.Done, "Make it the workspace's default"
)
DATASTORE_FILES = Route(
    "datastores.files",
    "GET",
    _DATASTORE + "/files",
    (OWNER, NODE, RUN),
    Raw,
    "The files of a path, a folder or a glob: a line [path, bytes, version] each",
    query=data.DataFilesQuery,
)
DATASTORE_FILE = Route(
    "datastores.file",
    "GET",
    _DATASTORE + "/file",
    (OWNER, NODE, RUN),
    Raw,
    "The bytes of one file, from an offset",
    query=files.FileQuery,
)
DATASTORE_PUT_FILES = Route(
    "datastores.put_files",
    "POST",
    _DATASTORE + "/files",
    (OWNER, NODE, RUN),
    data.PutDataAnswer,
    "Bring files whose blobs were sent to a datastore",
    data.PutDataFiles,
)
DATASTORE_QUERY = Route(
    "datastores.query",
    "POST",
    _DATASTORE + "/query",
    (OWNER, RUN),
    Raw,
    "Ask a database: a line of columns, then a line each row",
    data.QueryDatabase,
)

DATASET_REGISTER = Route(
    "datasets.register",
    "POST",
    _WORKSPACE + "/datasets",
    (OWNER, RUN),
    DatasetRecord,
    "Record a dataset, or register a version of it",
    data.RegisterDataset,
)
DATASET_GET = Route(
    "datasets.get", "GET", _WORKSPACE + "/datasets/{dataset_id}", (OWNER, RUN), DatasetRecord, "One dataset by its id"
)
DATASET_LIST = Route(
    "datasets.list",
    "GET",
    _WORKSPACE + "/datasets",
    (OWNER, RUN),
    data.Datasets,
    "Registered datasets, newest first",
    query=data.DatasetQuery,
)
DATASET_UPDATE = Route(
    "datasets.update",
    "PATCH",
    _WORKSPACE + "/datasets/{dataset_id}",
    (OWNER, RUN),
    DatasetRecord,
    "Change a dataset's description and tags",
    data.UpdateDataset,
)
DATASET_UNREGISTER = Route(
    "datasets.unregister",
    "DELETE",
    _WORKSPACE + "/datasets",
    (OWNER,),
    server.Done,
    "Unregister all versions of a name; their data stays",
    query=data.DatasetName,
)
DATASET_USES = Route(
    "datasets.uses",
    "GET",
    _WORKSPACE + "/datasets/{dataset_id}/runs",
    (OWNER, RUN),
    data.DatasetUses,
    "The runs that had a dataset, newest first",
)
RUN_READ_DATASET = Route(
    "runs.read_dataset",
    "POST",
    _RUN + "/inputs",
    (OWNER, RUN),
    server.Done,
    "Note that a run reads a registered dataset",
    data.ReadDataset,
)

SECRET_SET = Route(
    "secrets.set", "PUT", _WORKSPACE + "/secrets", (OWNER,), server.Done, "Keep secrets", data.SetSecrets
)
SECRET_GET = Route(
    "secrets.get",
    "POST",
    _WORKSPACE + "/secrets/values",
    (OWNER, RUN),
    data.SecretValues,
    "The values of some secrets",
    data.SecretNames,
)
SECRET_LIST = Route(
    "secrets.list", "GET", _WORKSPACE + "/secrets", (OWNER, RUN), data.SecretNames, "The names of all secrets"
)
SECRET_DELETE = Route(
    "secrets.delete",
    "POST",
    _WORKSPACE + "/secrets/delete",
    (OWNER,),
    server.Done,
    "Delete secrets; those that are not there are no error",
    data.SecretNames,
)

_SERVICE = _WORKSPACE + "/services/{name}"

SERVICE_DEPLOY = Route(
    "services.deploy",
    "POST",
    _WORKSPACE + "/services",
    (OWNER,),
    services.DeployAnswer,
    "Serve models: make a service, or a version of an endpoint",
    services.DeployService,
)
SERVICE_LIST = Route("services.list", "GET", _WORKSPACE + "/services", (OWNER, RUN), services.Services, "All services")
SERVICE_GET = Route(
    "services.get",
    "GET",
    _SERVICE,
    (OWNER, RUN),
    Service,
    "One service, or its next change",
    query=services.ServiceQuery,
)
SERVICE_UPDATE = Route(
    "services.update",
    "PATCH",
    _SERVICE,
    (OWNER,),
    services.DeployAnswer,
    "Change a service without an outage",
    services.UpdateService,
)
SERVICE_VERSIONS = Route(
    "services.versions", "GET", _SERVICE + "/versions", (OWNER, RUN), services.Services, "The versions of an endpoint"
)
SERVICE_TRAFFIC = Route(
    "services.set_traffic",
    "PUT",
    _SERVICE + "/traffic",
    (OWNER,),
    services.Services,
    "Split an endpoint's requests between its versions",
    services.SetTraffic,
)
SERVICE_KEYS = Route("services.keys", "GET", _SERVICE + "/keys", (OWNER,), services.ServiceKeys, "Both of its keys")
SERVICE_REGENERATE = Route(
    "services.regenerate_key",
    "POST",
    _SERVICE + "/keys",
    (OWNER,),
    services.ServiceKeys,
    "Put another key in the place of one of the two",
    services.RegenerateKey,
)
SERVICE_TOKEN = Route(
    "services.token", "POST", _SERVICE + "/token", (OWNER,), services.ServiceToken, "A token that expires"
)
SERVICE_LOGS = Route(
    "services.logs",
    "GET",
    _SERVICE + "/logs",
    (OWNER,),
    Raw,
    "The last lines of its replicas, or what came since",
    query=services.TailQuery,
)
SERVICE_DELETE = Route(
    "services.delete",
    "DELETE",
    _SERVICE,
    (OWNER,),
    server.Done,
    "End and delete a service, or a version of an endpoint",
    query=services.VersionQuery,
)

ROUTES: Tuple[Route, ...] = tuple(item for item in list(globals().values()) if isinstance(item, Route))
BY_NAME: Dict[str, Route] = {route.name: route for route in ROUTES}

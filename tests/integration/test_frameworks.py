"""Model files of every framework that is served without code, in a build that has it and in one that has not."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.replica import ENVIRONMENT, SDK, replica_of
from support.scripts import run_script
from support.server import RealServer

TRAIN = """
import joblib, pickle, warnings
import lightgbm, numpy as np, skops.io, xgboost
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
import pandas as pd
warnings.simplefilter("ignore")
X, y = load_iris(return_X_y=True)
forest = RandomForestClassifier(20, random_state=0).fit(X, y)
joblib.dump(forest, "forest.joblib")
skops.io.dump(forest, "forest.skops")
open("forest.onnx", "wb").write(to_onnx(forest, X[:1].astype("f4"), options={"zipmap": False}).SerializeToString())
open("maps.onnx", "wb").write(to_onnx(forest, X[:1].astype("f4")).SerializeToString())
line = LinearRegression().fit(X[:, :3], X[:, 3])
open("line.onnx", "wb").write(to_onnx(line, X[:1, :3].astype("f4")).SerializeToString())
people = pd.DataFrame({"age": [20.0, 60.0, 25.0, 70.0], "city": ["Brno", "Oslo", "Brno", "Oslo"]})
columns = ColumnTransformer([("city", OneHotEncoder(handle_unknown="ignore"), ["city"])], remainder="passthrough")
pipeline = make_pipeline(columns, DecisionTreeClassifier(random_state=0)).fit(people, [0, 1, 0, 1])
types = [("age", FloatTensorType([None, 1])), ("city", StringTensorType([None, 1]))]
open("people.onnx", "wb").write(to_onnx(pipeline, initial_types=types, options={"zipmap": False}).SerializeToString())
from onnx import TensorProto, helper, numpy_helper, save
def graph(name, nodes, inputs, outputs=(("out", TensorProto.FLOAT, [None, 1]),), constants=()):
    made = helper.make_graph(nodes, name, [helper.make_tensor_value_info(*one) for one in inputs],
                             [helper.make_tensor_value_info(*one) for one in outputs], list(constants))
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    save(model, name + ".onnx")
F = TensorProto.FLOAT
weights = numpy_helper.from_array(np.array([[1.0], [10.0], [100.0], [1000.0]], "f4"), "w")
flat = [helper.make_node("Flatten", ["x"], ["flat"], axis=1), helper.make_node("MatMul", ["flat", "w"], ["out"])]
product = [helper.make_node("MatMul", ["x", "w"], ["out"])]
graph("squares", flat, [("x", F, ["rows", 2, 2])], constants=[weights])
graph("free", flat, [("x", F, ["rows", 2, "any"])], constants=[weights])
graph("one-row", product, [("x", F, [1, 4])], (("out", F, [1, 1]),), constants=[weights])
graph("eight-rows", product, [("x", F, [8, 4])], (("out", F, [8, 1]),), constants=[weights])
graph("scalars", [helper.make_node("Neg", ["x"], ["out"])], [("x", F, ["rows"])], (("out", F, ["rows"]),))
graph("two-wide", [helper.make_node("Add", ["a", "b"], ["out"])], [("a", F, ["rows", 3]), ("b", F, ["rows", 3])],
      (("out", F, ["rows", 3]),))
light = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(X, y)
light.booster_.save_model("light.txt")
joblib.dump(light, "light.joblib")
pickle.dump(light.booster_, open("light-booster.pkl", "wb"))
skops.io.dump(light, "light.skops")
boosted = xgboost.XGBClassifier(n_estimators=5).fit(X, y)
boosted.save_model("boosted.json")
xgboost.XGBRegressor(n_estimators=5).fit(X[:, :3], X[:, 3]).save_model("line.ubj")
xgboost.train({"objective": "multi:softprob", "num_class": 3}, xgboost.DMatrix(X, y), 5).save_model("booster.ubj")
rows = [[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]]
import json
json.dump({"forest": forest.predict_proba(rows).tolist(), "light": light.predict_proba(rows).tolist(),
           "boosted": boosted.predict_proba(np.array(rows)).tolist()}, open("expected.json", "w"))
"""

ANSWERS = """
import json, sys, warnings
from pathlib import Path
from amlet.runtime.scoring.exchange import json_bytes
from amlet.runtime.scoring.loading import load
from amlet.runtime.scoring.model import ModelNotLoaded
from amlet.runtime.scoring.rowwise import sharing_of
for line in sys.stdin:
    file, more, method, data = json.loads(line)
    try:
        model = load(Path(file), **more)
    except ModelNotLoaded as error:
        print(json.dumps({"error": str(error)}), flush=True)
        continue
    sharing = sharing_of(model)
    answer = json.loads(json_bytes(model.call(method, model.table(data))))
    print(json.dumps({"answer": answer, "methods": model.methods, "how": sharing.how, "why_not": sharing.why_not,
                      "alone": sharing.label_method, "names": model.feature_names}), flush=True)
"""

ROWS = [[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]]
LIGHT, BOOST = {"framework": "LightGBM"}, {"framework": "XGBoost"}
TRUSTED = ["collections.OrderedDict", "lightgbm.basic.Booster", "lightgbm.sklearn.LGBMClassifier"]


def run(python: Path, program: str, *, folder: Path, given: str = "") -> str:
    variables = {**ENVIRONMENT, "PYTHONPATH": str(SDK)}
    ended = subprocess.run(
        [str(python), "-c", program],
        cwd=folder,
        env=variables,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return ended.stdout


@pytest.fixture(scope="module")
def files(frameworks: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    run(frameworks, TRAIN, folder=folder)
    return folder


def answers(python: Path, folder: Path, asked: list[Any]) -> list[Any]:
    told = run(python, ANSWERS, folder=folder, given="".join(json.dumps(one) + "\n" for one in asked))
    return [json.loads(line) for line in told.splitlines()]


def test_every_framework_answers_with_its_own_numbers(frameworks: Path, files: Path) -> None:
    expected = json.loads((files / "expected.json").read_text())
    asked = [
        ["forest.skops", {}, "predict_proba", ROWS],
        ["forest.onnx", {}, "predict_proba", ROWS],
        ["maps.onnx", {}, "predict_proba", ROWS],
        ["light.txt", LIGHT, "predict", ROWS],
        ["light.joblib", {}, "predict_proba", ROWS],
        ["light-booster.pkl", {}, "predict", ROWS],
        ["light.skops", {"trusted": TRUSTED}, "predict_proba", ROWS],
        ["boosted.json", BOOST, "predict_proba", ROWS],
        ["booster.ubj", BOOST, "predict", ROWS],
    ]
    for (name, *_), found in zip(asked, answers(frameworks, files, asked), strict=True):
        if name != "booster.ubj":
            key = name.partition(".")[0].partition("-")[0].replace("maps", "forest")
            assert found["answer"] == [pytest.approx(row, abs=1e-6) for row in expected[key]], name
        assert [max(range(3), key=row.__getitem__) for row in found["answer"]] == [0, 2], name
        assert found["how"] == ("within rounding" if name.endswith(".onnx") else "to the last bit"), (name, found)


def test_regressors_and_named_inputs(frameworks: Path, files: Path) -> None:
    asked = [
        ["line.onnx", {}, "predict", [[5.1, 3.5, 1.4]]],
        ["line.ubj", BOOST, "predict", [[5.1, 3.5, 1.4]]],
        ["people.onnx", {}, "predict", [{"city": "Oslo", "age": 61}, {"age": 19, "city": "Brno"}]],
        ["people.onnx", {}, "predict", [[61, "Oslo"], [19, "Brno"]]],
    ]
    line, boosted, *people = answers(frameworks, files, asked)
    assert line["answer"] == [pytest.approx(0.2, abs=0.2)]
    assert (line["methods"], line["alone"]) == (["predict"], None)
    assert boosted["answer"] == [pytest.approx(0.2, abs=0.3)]
    for one in people:
        assert (one["answer"], one["names"]) == ([1, 0], ["age", "city"])


def test_rows_of_more_dimensions_and_graphs_of_one_row(frameworks: Path, files: Path) -> None:
    square, other = [[1, 2], [3, 4]], [[0.5, 0], [0, 1]]
    asked = [
        ["squares.onnx", {}, "predict", [square, other]],
        ["free.onnx", {}, "predict", [square, other]],
        ["one-row.onnx", {}, "predict", [[1, 2, 3, 4], [0.5, 0, 0, 1]]],
    ]
    found = answers(frameworks, files, asked)
    for one in found:
        assert one["answer"] == [4321.0, 1000.5]
    assert [one["how"] for one in found] == ["within rounding", None, "within rounding"]
    assert (
        "with a sample request of its kind this would be known" in found[1]["why_not"]
    )  # 8 values are too many for it
    refused = answers(frameworks, files, [[f"{name}.onnx", {}, "predict", []] for name in REFUSED])
    for (name, why), one in zip(REFUSED.items(), refused, strict=True):
        assert why in one["error"], name


REFUSED = {
    "eight-rows": "'x' takes exactly 8 rows at a time: export it with a first dimension of any size",
    "scalars": "'x' has 1 dimensions, and rows have at least 2",
    "two-wide": "'a' has the shape ['rows', 3], and of several inputs each must be a column, [rows, 1]; 'b' has",
}


def test_a_service_of_squares_says_what_it_takes(frameworks: Path, overlay: Path, files: Path, tmp_path: Path) -> None:
    with replica_of(frameworks, overlay, files / "squares.onnx", tmp_path / "r") as replica:
        assert replica.score({"data": [[[1, 2], [3, 4]]]}) == (200, {"predict": [4321.0]})
        for wrong, says in (
            ([[1, 2, 3, 4]], "Rows have the shape [4]; expected a list of rows of numbers of the shape [2, 2]."),
            ([[[1, 2], [3]]], "Rows are not all of one shape, or a value is no number; expected"),
            ([[["a", "b"], ["c", "d"]]], "a value is no number"),
            ([{"x": 1}], "Rows are not all of one shape, or a value is no number"),
            ([[[1, 2]]], "Rows have the shape [1, 2]"),
        ):
            status, body = replica.score({"data": wrong})
            assert status == 400 and says in body["message"], (wrong, body)
        document = replica.ask("GET", "/swagger.json?version=3")[1]
        takes = document["components"]["schemas"]["ServiceInput"]
        assert takes["example"] == {"data": [[[0.0, 0.0], [0.0, 0.0]]], "method": "predict"}
        assert takes["properties"]["data"]["items"]["items"]["maxItems"] == 2


def test_what_a_skops_file_may_make_is_the_deployment_s_to_say(frameworks: Path, files: Path) -> None:
    asked = [["light.skops", {}, "predict", ROWS], ["light.skops", {"trusted": TRUSTED[:1]}, "predict", ROWS]]
    first, second = answers(frameworks, files, asked)
    assert "types that are not trusted: " + ", ".join(TRUSTED) in first["error"]
    assert "types that are not trusted: " + ", ".join(TRUSTED[1:]) in second["error"]


def test_a_missing_package_is_named_with_the_line_to_add(python: Path, files: Path) -> None:
    asked = [
        ["forest.skops", {}, "predict", ROWS],
        ["forest.onnx", {}, "predict", ROWS],
        ["light.joblib", {}, "predict", ROWS],
        ["light.txt", LIGHT, "predict", ROWS],
        ["boosted.json", BOOST, "predict", ROWS],
    ]
    told = [found["error"] for found in answers(python, files, asked)]
    for text, package in zip(told, ("skops", "onnxruntime", "lightgbm", "lightgbm", "xgboost"), strict=True):
        assert f"add `- {package}` to the pip packages" in text


def test_an_accelerated_forest_answers_as_the_forest(
    frameworks: Path, overlay: Path, files: Path, tmp_path: Path
) -> None:
    sample = {"sample_request": json.dumps({"data": ROWS, "method": "predict"}), "sample_answer": '{"predict": [0, 2]}'}
    model = files / "forest.joblib"
    with replica_of(frameworks, overlay, model, tmp_path / "r", accelerate=True, method="predict", **sample) as replica:
        assert replica.state().state == "Healthy", replica.log
        assert "Accelerated: predict and predict_proba answered by an ONNX twin in float32; on 514 rows" in replica.log
        assert replica.score({"data": ROWS}) == (200, {"predict": [0, 2]})
        expected = json.loads((files / "expected.json").read_text())["forest"]
        _, found = replica.score({"data": ROWS, "method": "predict_proba"})
        assert found["predict_proba"] == [pytest.approx(row, abs=1e-6) for row in expected]
        # What the forest refuses, its twin does not answer.
        assert replica.score({"data": [[1e300, 1, 1, 1]]})[0] == 500
        shown = replica.ask("GET", "/swagger.json")[1]["definitions"]["ServiceInput"]
        assert shown["example"] == {"data": ROWS, "method": "predict"}  # v1-behaviours 15.6
        assert shown["properties"]["method"]["default"] == "predict"


def test_a_model_without_a_twin_is_served_as_it_is(python: Path, overlay: Path, files: Path, tmp_path: Path) -> None:
    with replica_of(python, overlay, files / "forest.joblib", tmp_path / "r", accelerate=True) as replica:
        assert replica.state().state == "Healthy", replica.log
        assert "Not accelerated: add `- skl2onnx` and `- onnxruntime` to the environment" in replica.log
        assert replica.score({"data": ROWS, "method": "predict"}) == (200, {"predict": [0, 2]})


def test_a_model_that_answers_its_sample_otherwise_is_not_served(
    python: Path, overlay: Path, files: Path, tmp_path: Path
) -> None:
    sample = {"sample_request": json.dumps({"data": ROWS, "method": "predict"}), "sample_answer": "[0, 1]"}
    with replica_of(python, overlay, files / "forest.joblib", tmp_path / "r", **sample) as replica:
        state = replica.state()
        assert (state.state, replica.process.wait(20)) == ("Failed", 3)
        assert "when it was registered it answered [0, 1]" in (state.error or "")


def test_inputs_and_predictions_are_kept_as_parquet(
    frameworks: Path, overlay: Path, files: Path, tmp_path: Path
) -> None:
    capture = {"inputs": True, "predictions": True, "share": 1.0}
    with replica_of(frameworks, overlay, files / "forest.joblib", tmp_path / "r", capture=capture) as replica:
        replica.state()
        for number in range(20):
            assert replica.score({"data": [ROWS[number % 2]], "method": "predict"})[0] == 200
        assert replica.score({"data": []})[0] == 400
        replica.process.terminate()
        assert replica.process.wait(20) == 0
    read = "import pandas; print(pandas.read_parquet('r/captures').to_json(orient='records'))"
    kept = json.loads(run(frameworks, read, folder=tmp_path))
    assert [(json.loads(one["inputs"])["data"], json.loads(one["predictions"])) for one in kept] == [
        ([ROWS[number % 2]], {"predict": [0 if number % 2 == 0 else 2]}) for number in range(20)
    ]
    assert len({one["request_id"] for one in kept}) == 20


def test_capture_without_pyarrow_is_told_with_the_line_to_add(
    python: Path, overlay: Path, files: Path, tmp_path: Path
) -> None:
    capture = {"inputs": True, "predictions": False, "share": 1.0}
    with replica_of(python, overlay, files / "forest.joblib", tmp_path / "r", capture=capture) as replica:
        assert "add `- pyarrow` to the pip packages" in (replica.state().error or "")


DEPLOY = """
import json
from azureml.core import Model, Workspace
workspace = Workspace.create("frameworks", subscription_id="s", resource_group="g", exist_ok=True)
answers = []
models = [("onnx", "forest.onnx", Model.Framework.ONNX), ("light", "light.txt", Model.Framework.LIGHTGBM)]
for name, file, framework in models:
    model = Model.register(workspace, file, name, model_framework=framework)
    service = Model.deploy(workspace, name + "-service", [model])
    service.wait_for_deployment()
    answers.append(service.run(json.dumps({"data": [[5.1, 3.5, 1.4, 0.2]], "method": "predict"})))
    service.delete()
print(json.dumps(answers))
"""


def test_models_of_other_frameworks_are_deployed_in_an_environment_made_for_them(
    files: Path, shared_server: RealServer
) -> None:
    (files / "deploy.py").write_text(DEPLOY)
    ended = run_script(files, "deploy.py", shared_server.home.root)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    onnx, light = json.loads(ended.stdout.splitlines()[-1])
    assert onnx == {"predict": [0]}
    assert [round(share) for share in light["predict"][0]] == [1, 0, 0]

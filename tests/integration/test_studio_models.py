"""The pages of models: what made one, what it would import, who uses it; searched and paged; in a real browser too."""

from __future__ import annotations

import html
import io
import os
import pickle
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import BinaryIO
from urllib.parse import urlencode

import pytest

from amlet.base.hashing import sha256_bytes
from amlet.domain.artifact import Entry
from amlet.domain.data import DataPath
from amlet.domain.deployment import Deployment
from amlet.domain.model import DatasetUse, Model
from amlet.domain.run import Run
from amlet.server.security import cookie_name
from amlet.server.studio.model_view import PAGE_MODELS
from amlet.serving.inspection import Inspections
from amlet.wire import pages
from amlet.wire.data import RegisterDataset
from amlet.wire.models import EditModel, RegisterModel, Rollback, SetAlias
from amlet.wire.services import DeployService, VersionQuery
from support.browser import PROGRAM, a_browser
from support.pages import origin, sign_in
from support.server import RealServer
from support.services import PLAIN
from support.wire import Wire, ended, submit, tokens_of, workspace_of

HOSTILE = "</pre><img src=x onerror=alert(1)><script>alert(2)</script>\"'><svg onload=alert(3)>"
SCRIPT = b"def init(): pass\ndef run(data): return data\n"
MAKES = "import pathlib; pathlib.Path('outputs/made.txt').write_text('weights')"


class Attack:
    """A pickle that would make a file where it is loaded."""

    def __init__(self, target: str) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.target,)


@pytest.fixture
def wire(shared_server: RealServer) -> Iterator[Wire]:
    opened = Wire(shared_server)
    yield opened
    opened.close()


class Site:
    """The pages of a workspace, and models in it."""

    def __init__(self, server: RealServer, wire: Wire, name: str) -> None:
        self.client = server.client()
        self.workspace_id = workspace_of(server, name)
        self._cookie = {"Cookie": f"{cookie_name(server.url)}={tokens_of(server).for_browser()}"}
        self._wire = wire

    def page(self, path: str, status: int = 200) -> str:
        reply = self._wire.ask("GET", path, token=None, headers=self._cookie)
        assert reply.status == status, reply
        return reply.body.decode("utf-8", "replace")

    def put(self, data: bytes) -> str:
        sha256 = sha256_bytes(data)
        self.client.blobs.put(self.workspace_id, sha256, data, len(data))
        return sha256

    def register(self, name: str, files: dict[str, bytes] | None = None, **changes: object) -> Model:
        if files is not None:
            changes["entries"] = [Entry(path, self.put(data), len(data)) for path, data in files.items()]
        asked = RegisterModel(name, by="ann")._replace(**changes)  # type: ignore[arg-type]
        model = self.client.models.register(self.workspace_id, asked).model
        assert model is not None
        return model

    def model_page(self, name: str, version: int | None = None) -> str:
        return pages.model_page(self.workspace_id, name, version)


def made_by(server: RealServer, workspace_id: str) -> Run:
    return ended(server, submit(server, workspace_id, MAKES))


def test_a_model_leads_to_what_made_it_and_what_it_serves(
    shared_server: RealServer, wire: Wire, tmp_path: object
) -> None:
    site = Site(shared_server, wire, "pages-of-models")
    run = made_by(shared_server, site.workspace_id)
    data = site.client.datasets.register(
        site.workspace_id, RegisterDataset("tabular", [DataPath("workspaceblobstore", "a.csv")], {}, "flowers")
    )
    target = f"{tmp_path}/made"
    attack = {"evil.pkl": pickle.dumps(Attack(target)), "cut.joblib": b"\x80\x05\x95", "note.txt": b"words"}
    first = site.register("iris", attack, tags={HOSTILE: HOSTILE}, framework="ScikitLearn")
    site.register(
        "iris",
        run_id=run.id,
        path="outputs/made.txt",
        description=HOSTILE,
        properties={HOSTILE: HOSTILE},
        parent_id=first.id,
        datasets=[DatasetUse("training", data.id), DatasetUse(HOSTILE, "gone")],
    )
    api = site.client.models
    for version in (1, 2):
        api.set_alias(site.workspace_id, "iris", SetAlias("champion", version, "bob", f"why {version} {HOSTILE}"))
    api.rollback(site.workspace_id, "iris", Rollback("champion", "cy", "worse on tuesdays"))
    api.edit(site.workspace_id, "iris", 2, EditModel(stage="Staging", by="dee"))
    deployment = Deployment(["iris:2"], entry_script="score.py", environment=PLAIN)
    entry = Entry("score.py", site.put(SCRIPT), len(SCRIPT))
    site.client.services.deploy(site.workspace_id, DeployService("uses-it", deployment, [entry]))

    old, new = site.page(site.model_page("iris", 1)), site.page(site.model_page("iris"))
    assert pages.run_page(site.workspace_id, run.experiment, run.id) in new
    assert f'{pages.run_page(site.workspace_id, run.experiment, run.id)}#sources"' in new
    for link in (
        pages.dataset_page(site.workspace_id, data.id),
        site.model_page("iris", 1),
        pages.service_page(site.workspace_id, "uses-it"),
    ):
        assert f'href="{link}"' in new, link
    assert "Staging" in new and "flowers:1" in new and "gone" in new
    assert "None answers by this version" in old and "no run is known" in old
    assert site.model_page("iris", 2) in site.page(pages.run_page(site.workspace_id, run.experiment, run.id))
    assert site.model_page("iris", 2) in site.page(pages.service_page(site.workspace_id, "uses-it"))

    # What loading would do is told, and nothing of it is done.
    assert re.search(r"posix\.mkdir\s*<strong>unusual", old) and "could not be read to its end" in old
    assert not os.path.exists(target)
    # History: who, when, why, with what an alias stood for before.
    for text in ("alias set", "was 2", "by ann", "bob", "cy", "dee", "worse on tuesdays"):
        assert text in old, text
    badges = old[: old.index("</h1>")]
    assert "champion" in badges and "champion" not in new[: new.index("</h1>")]

    # The files and the JSON form are those of the API.
    for path in re.findall(r'href="(/api/[^"]+)"', old):
        assert site.page(html.unescape(path))
    assert f"/api/workspaces/{site.workspace_id}/models/iris/1" in old
    assert "words" in site.page(f"/api/workspaces/{site.workspace_id}/models/iris/1/file?path=note.txt")

    for text in (old, new):
        assert HOSTILE not in text and "<svg" not in text
    for wrong in (site.model_page("irris"), site.model_page("iris", 3), site.model_page("iris") + "/" + "9" * 30):
        assert "no" in site.page(wrong, 404)
    if PROGRAM is not None:
        with a_browser() as browser:
            sign_in(browser, wire)
            for path in (site.model_page("iris", 1), site.model_page("iris", 2), pages.models_page(site.workspace_id)):
                browser.open(origin(wire) + path)
                browser.until("document.querySelector('main h1') !== null")
            assert browser.complaints == []
            browser.value("document.querySelector('tbody th a').click()")
            browser.until(f"location.pathname === '{site.model_page('iris', 2)}'")
    site.client.services.delete(site.workspace_id, "uses-it", VersionQuery())


def test_the_list_is_of_the_newest_searched_and_paged(shared_server: RealServer, wire: Wire) -> None:
    site = Site(shared_server, wire, "list-of-models")
    names = [f"m{number:02}" for number in range(PAGE_MODELS + 5)]
    for name in names:
        site.register(name, {"m.txt": b"x"})
    site.register("m03", {"m.txt": b"y"}, tags={"team": "Visión & more"}, framework="Onnx")
    site.client.models.set_alias(site.workspace_id, "m03", SetAlias("champion", 1))
    here = pages.models_page(site.workspace_id)

    def shown(path: str) -> list[str]:
        rows = re.findall(r'<th scope="row"><a class="iso" href="[^"]*/models/([^"]+)">', site.page(path))
        return [row.replace("/", ":") for row in rows]

    everything = ["m03:2", *(f"{name}:1" for name in reversed(names) if name != "m03")]
    first = site.page(here)
    older = re.search(r'<a href="([^"]+)" rel="next">', first)
    assert older is not None
    assert shown(here) == everything[:PAGE_MODELS]
    assert shown(html.unescape(older[1])) == everything[PAGE_MODELS:]
    assert "Visión &amp; more" in first and "champion" in first
    for query in ({"search": "visi champion"}, {"search": "m03", "framework": "ScikitLearn"}):
        assert shown(f"{here}?{urlencode(query)}") == [], query
    for query in ({"search": "VISI team"}, {"framework": "Onnx"}):
        assert shown(f"{here}?{urlencode(query)}") == ["m03:2"], query
    searched = site.page(f"{here}?{urlencode({'search': 'm'})}")
    assert "search=m&amp;before=" in searched
    assert here in site.page(pages.workspace_page(site.workspace_id))
    site.page(f"{here}?before=x", 400)
    site.page(f"{here}?{urlencode({'search': 'a ' * 500})}")
    site.page(pages.models_page("ws_nowhere"), 404)


def test_a_pickle_that_takes_for_ever_is_given_up_and_one_that_is_known_is_not_read_again() -> None:
    opened: list[bytes] = []

    def opening(data: bytes) -> Callable[[], BinaryIO]:
        def opens() -> BinaryIO:
            opened.append(data)
            return io.BytesIO(data)

        return opens

    endless = b"N0" * 20_000_000 + b"N."
    inspections = Inspections(timeout_s=0.5, limit_bytes=len(endless))
    assert "too long" in str(inspections.look("endless", len(endless), opening(endless)).trouble)
    assert "more than 38 MB" in str(inspections.look("large", len(endless) + 1, opening(b"")).trouble)
    usual = Inspections(timeout_s=30)
    for _ in range(2):
        assert usual.look("date", 1, opening(pickle.dumps(datetime.min))).names == ["datetime.datetime"]
    assert len(opened) == 2

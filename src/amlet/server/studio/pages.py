"""The studio's routes: each page is read, shaped and rendered in a thread; the event loop only moves its bytes."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from amlet.base.errors import AmletError, InvalidInput, NotFound, Unauthorized
from amlet.operations.prepare import BUILD_LOG
from amlet.operations.waiting import with_waits
from amlet.server.context import Parts
from amlet.server.security import check_site
from amlet.server.studio import (
    access,
    assets,
    compare_view,
    data_view,
    images,
    listings,
    metric_page,
    model_view,
    run_view,
    service_view,
)
from amlet.server.studio.answers import asset_answer, error_page, html, redirect
from amlet.server.studio.rendering import render
from amlet.server.studio.run_files import RunFiles, fetcher
from amlet.server.studio.run_view import RunFacts
from amlet.server.studio.tails import Tail, no_tail, read_tail
from amlet.store.base import Transaction
from amlet.wire import pages

Work = Callable[[Request, Parts], Awaitable[Response]]

log = logging.getLogger("amlet.studio")


def studio_routes(parts: Parts) -> list[BaseRoute]:
    """The pages' routes. The last takes every address below no API that no other route has."""

    def opened(path: str, work: Work) -> Route:
        return Route(path, _guard(parts, work), methods=["GET"])

    def owned(path: str, work: Work, *, fragment: bool = False) -> Route:
        return Route(path, _guard(parts, _for_owner(work, fragment=fragment)), methods=["GET"])

    return [
        owned(pages.HOME, _home),
        owned(pages.WORKSPACE_PATTERN, _listing),
        owned(pages.EXPERIMENT_PATTERN, _listing),
        owned(pages.RUN_PATTERN, _run),
        owned(pages.RUN_PATTERN + "/live", _run_live, fragment=True),
        owned(pages.METRIC_PATTERN, _metric),
        owned(pages.IMAGE_PATTERN, images.show_image, fragment=True),
        owned(pages.COMPARE_PATTERN, _compare),
        owned(pages.DATA_PATTERN, _data),
        owned(pages.DATASET_PATTERN, _dataset),
        owned(pages.SERVICE_PATTERN, _service),
        owned(pages.MODELS_PATTERN, _models),
        owned(pages.MODEL_PATTERN, _model),
        owned(pages.MODEL_VERSION_PATTERN, _model),
        opened(pages.SIGN_IN, access.show_sign_in),
        Route(pages.SIGN_IN, _guard(parts, access.take_sign_in), methods=["POST"]),
        Route(pages.SIGN_OUT, _guard(parts, access.sign_out), methods=["POST"]),
        opened(assets.PATTERN, _asset),
        _Elsewhere("/{path:path}", _guard(parts, _nowhere), methods=["GET"]),
    ]


class _Elsewhere(Route):
    """All addresses but the API's, whose own answers for unknown ones stay."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or scope["path"].startswith("/api/") or scope["method"] not in ("GET", "HEAD"):
            return Match.NONE, {}
        return super().matches(scope)


def _guard(parts: Parts, work: Work) -> Callable[[Request], Awaitable[Response]]:
    """Refuse foreign sites first; turn errors into pages."""

    async def endpoint(request: Request) -> Response:
        try:
            check_site(request, parts.url)
            return await work(request, parts)
        except AmletError as error:
            return error_page(error)
        except ClientDisconnect:
            return error_page(InvalidInput("The request broke off before its end."))
        except Exception:
            log.exception("the page %s failed", request.url.path[:500])
            return error_page(
                AmletError("This page failed by a fault of amlet's own.", hint="the server's log has the traceback.")
            )

    return endpoint


def _for_owner(work: Work, *, fragment: bool) -> Work:
    async def checked(request: Request, parts: Parts) -> Response:
        answer = access.check_access(request, parts)
        if answer is None:
            parts.lifetime.note_use()
            return await work(request, parts)
        if fragment:
            raise Unauthorized("This browser is not signed in.", hint="load the page again.")
        return answer

    return checked


async def _home(_request: Request, parts: Parts) -> Response:
    def build() -> bytes:
        now = parts.now()
        return render("home.html", home=parts.records.read(lambda tx: listings.read_home(tx, now)))

    return html(await parts.threaded(build), form=True)


async def _listing(request: Request, parts: Parts) -> Response:
    workspace_id, experiment = request.path_params["workspace_id"], request.path_params.get("experiment")
    asked = listings.asked_for(request.query_params, experiment)
    here = pages.workspace_page(workspace_id)

    def build() -> bytes:
        now = parts.now()
        found = parts.records.read(lambda tx: listings.read_listing(tx, workspace_id, asked, here, now))
        if experiment is not None and experiment not in found.experiments:
            raise NotFound(f"There is no experiment {experiment[:200]!r} in this workspace.")
        return render("listing.html", listing=found, here=here)

    return html(await parts.threaded(build), 400 if asked.faults else 200, form=True)


async def _run(request: Request, parts: Parts) -> Response:
    def build() -> bytes | str:
        facts = _facts(request, parts)
        run = facts.run
        if run.experiment != request.path_params["experiment"]:
            return pages.run_page(run.workspace_id, run.experiment, run.id)
        output, build_log = (_tail(parts, facts, path) for path in (facts.output_log, BUILD_LOG))
        values: dict[str, Any] = run_view.run_values(facts, fetcher(parts), parts.now())
        return render("run.html", **values, **run_view.log_values(run, output, build_log))

    built = await parts.threaded(build)
    return redirect(built) if isinstance(built, str) else html(built, form=True)


async def _run_live(request: Request, parts: Parts) -> Response:
    """The parts of a run's page that change, but the logs."""

    def build() -> bytes:
        values = run_view.run_values(_facts(request, parts), fetcher(parts), parts.now())
        return render("run_live.html", **values)

    return html(await parts.threaded(build))


async def _metric(request: Request, parts: Parts) -> Response:
    workspace_id, run_id = request.path_params["workspace_id"], request.path_params["run_id"]

    def build() -> bytes | str:
        facts = parts.records.read(lambda tx: metric_page.read_metric(tx, workspace_id, run_id, request.query_params))
        run = facts.run
        if run.experiment != request.path_params["experiment"]:
            return pages.metric_page(run.workspace_id, run.experiment, run.id, facts.summary.name)
        view = metric_page.metric_view(facts, RunFiles(run, facts.files, fetcher(parts)))
        return render("metric.html", workspace=facts.workspace, run=run, metric=view)

    built = await parts.threaded(build)
    return redirect(built) if isinstance(built, str) else html(built, form=True)


async def _compare(request: Request, parts: Parts) -> Response:
    workspace_id = request.path_params["workspace_id"]
    asked = compare_view.asked_for(request.query_params.getlist("run"), request.query_params.getlist("metric"))

    def build() -> bytes:
        now, fetch = parts.now(), fetcher(parts)
        facts = parts.records.read(lambda tx: compare_view.read_runs(tx, workspace_id, asked))
        return render("compare.html", **compare_view.compare_values(facts, asked, fetch, now))

    return html(await parts.threaded(build), form=True)


async def _data(request: Request, parts: Parts) -> Response:
    workspace_id = request.path_params["workspace_id"]

    def build() -> bytes:
        return render("data.html", **parts.records.read(lambda tx: data_view.data_values(tx, workspace_id)))

    return html(await parts.threaded(build), form=True)


async def _dataset(request: Request, parts: Parts) -> Response:
    workspace_id, dataset_id = request.path_params["workspace_id"], request.path_params["dataset_id"]

    def build() -> bytes:
        values = parts.records.read(lambda tx: data_view.dataset_values(tx, workspace_id, dataset_id))
        return render("dataset.html", **values)

    return html(await parts.threaded(build), form=True)


async def _service(request: Request, parts: Parts) -> Response:
    workspace_id, name = request.path_params["workspace_id"], request.path_params["service"]

    def build() -> bytes:
        return render("service.html", **service_view.service_values(parts, workspace_id, name))

    return html(await parts.threaded(build), form=True)


async def _models(request: Request, parts: Parts) -> Response:
    workspace_id = request.path_params["workspace_id"]

    def build() -> bytes:
        values = parts.records.read(lambda tx: model_view.list_values(tx, workspace_id, request.query_params))
        return render("models.html", **values)

    return html(await parts.threaded(build), form=True)


async def _model(request: Request, parts: Parts) -> Response:
    workspace_id, name = request.path_params["workspace_id"], request.path_params["model"]
    version = request.path_params.get("version")

    def build() -> bytes:
        return render("model.html", **model_view.model_values(parts, workspace_id, name, version))

    return html(await parts.threaded(build), form=True)


def _facts(request: Request, parts: Parts) -> RunFacts:
    workspace_id, run_id = request.path_params["workspace_id"], request.path_params["run_id"]
    now = parts.now()

    def look(tx: Transaction) -> RunFacts:
        facts = run_view.read_facts(tx, workspace_id, run_id, now, request.query_params)
        waits = with_waits(tx, [facts.run], parts.machine, now, engines=parts.engines)
        return facts._replace(run=waits.runs[0])

    return parts.records.read(look)


def _tail(parts: Parts, facts: RunFacts, path: str) -> Tail:
    file = next((file for file in facts.files if file.path == path), None)
    return read_tail(parts, file, facts.locations.get(file.sha256 or "")) if file else no_tail(path)


async def _asset(request: Request, _parts: Parts) -> Response:
    return asset_answer(assets.find(request.path_params["digest"], request.path_params["name"]))


async def _nowhere(request: Request, _parts: Parts) -> Response:
    raise NotFound(f"There is no page at {request.url.path[:200]!r}.", hint="the home page lists every workspace.")

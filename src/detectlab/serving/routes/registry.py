"""The registry of routes: one entry for each file of this folder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute

from detectlab.serving.errors import Refusal
from detectlab.serving.middleware import Handler, Level, RouteGuard
from detectlab.serving.routes import feedback, freeze, monitoring, rollout
from detectlab.serving.routes.batch import add_batch_routes
from detectlab.serving.routes.count import add_count_routes
from detectlab.serving.routes.docs import add_docs_routes
from detectlab.serving.routes.health import add_health_routes
from detectlab.serving.routes.metrics import add_metrics_routes
from detectlab.serving.routes.models import add_model_routes
from detectlab.serving.routes.predict import add_predict_routes
from detectlab.serving.routes.sign_in import add_sign_in_routes
from detectlab.serving.routes.stream import add_live_routes
from detectlab.serving.service import Service

RefusalOf = Callable[[Any], Refusal]


@dataclass(frozen=True)
class RouteGroup:
    """The routes of one subject.

    Attributes:
        tag: Where the documentation lists them: one of `openapi.TAGS`.
        add: Adds the routes of a service to a router.
        level: The clients that they are for: `"open"` to all, `"client"` with the API key where
            there is one, `"operator"` with it or else with the operators' token.
        reads_body: Whether they read their bodies themselves, as routes that take pictures do;
            others are given a body of at most `MAX_BODY_BYTES`.
        errors: Statuses of errors that each of them may answer with.
        refusals: Exceptions of their own, and how each is answered.
    """

    tag: str
    add: Callable[[APIRouter, Service], None]
    level: Level = "client"
    reads_body: bool = False
    errors: tuple[int, ...] = ()
    refusals: Mapping[type[Exception], RefusalOf] = field(default_factory=dict)


ROUTES: dict[str, RouteGroup] = {
    # First what is asked most: a request is matched in this order.
    "predict": RouteGroup("detect", add_predict_routes, reads_body=True),
    "docs": RouteGroup("service", add_docs_routes, "open"),
    "health": RouteGroup("service", add_health_routes, "open"),
    "sign-in": RouteGroup("service", add_sign_in_routes, "open"),
    "models": RouteGroup("detectors", add_model_routes),
    "metrics": RouteGroup("service", add_metrics_routes),
    "batch": RouteGroup("detect", add_batch_routes, reads_body=True),
    "count": RouteGroup("detect", add_count_routes, reads_body=True),
    "live": RouteGroup("detect", add_live_routes, "open"),  # its WebSocket checks the key itself
    "rollout": RouteGroup(
        "rollout",
        rollout.add_rollout_routes,
        "operator",
        errors=(422, 503),
        refusals=rollout.REFUSALS,
    ),
    "monitoring": RouteGroup("monitoring", monitoring.add_monitoring_routes),
    "baselines": RouteGroup(
        "monitoring",
        monitoring.add_baseline_routes,
        "operator",
        errors=(409, 422, 503),
        refusals=monitoring.REFUSALS,
    ),
    "freeze-page": RouteGroup("monitoring", freeze.add_freeze_page),
    "freeze-form": RouteGroup("monitoring", freeze.add_freeze_form, "open"),  # it has the token
    "feedback": RouteGroup("rollout", feedback.add_feedback_routes, refusals=feedback.REFUSALS),
}


def guarded_route(guard: RouteGuard) -> type[APIRoute]:
    """The class of routes whose requests pass a guard before their body is read."""

    class GuardedRoute(APIRoute):
        def get_route_handler(self) -> Handler:
            return partial(guard.handle, super().get_route_handler())

    return GuardedRoute

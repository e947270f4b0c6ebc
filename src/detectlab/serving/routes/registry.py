"""The registry of routes: one entry for each file of this folder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter

from detectlab.serving.errors import Refusal
from detectlab.serving.routes import feedback, rollout
from detectlab.serving.routes.batch import batch_routes
from detectlab.serving.routes.count import count_routes
from detectlab.serving.routes.docs import docs_routes
from detectlab.serving.routes.health import health_routes
from detectlab.serving.routes.metrics import metrics_routes
from detectlab.serving.routes.models import model_routes
from detectlab.serving.routes.predict import predict_routes
from detectlab.serving.service import Service

RefusalOf = Callable[[Any], Refusal]


@dataclass(frozen=True)
class RouteGroup:
    """The routes of one subject.

    Attributes:
        build: Makes the routes over a service.
        needs_key: Whether they ask for the API key where there is one.
        refusals: Exceptions of their own, and how each is answered.
    """

    build: Callable[[Service], APIRouter]
    needs_key: bool = True
    refusals: Mapping[type[Exception], RefusalOf] = field(default_factory=dict)


ROUTES: dict[str, RouteGroup] = {
    "docs": RouteGroup(docs_routes, needs_key=False),
    "health": RouteGroup(health_routes, needs_key=False),
    "models": RouteGroup(model_routes),
    "metrics": RouteGroup(metrics_routes),
    "predict": RouteGroup(predict_routes),
    "batch": RouteGroup(batch_routes),
    "count": RouteGroup(count_routes),
    "feedback": RouteGroup(feedback.feedback_routes, refusals=feedback.REFUSALS),
    "rollout": RouteGroup(rollout.rollout_routes, refusals=rollout.REFUSALS),
}

"""Intermodal: one Python file, unchanged, on local namespaces, Docker, Podman or Kubernetes.

Importing this package loads none of its parts: each name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from intermodal import exception as exception
    from intermodal.client.calls import FunctionCall as FunctionCall
    from intermodal.client.calls import gather as gather
    from intermodal.client.tracing import trace_calls_with as trace_calls_with
    from intermodal.definitions import gpu as gpu
    from intermodal.definitions.app import App as App
    from intermodal.definitions.buckets import CloudBucketMount as CloudBucketMount
    from intermodal.definitions.classes import Cls as Cls
    from intermodal.definitions.context import current_attempt as current_attempt
    from intermodal.definitions.context import current_function_call_id as current_function_call_id
    from intermodal.definitions.context import current_input_id as current_input_id
    from intermodal.definitions.context import current_trace_context as current_trace_context
    from intermodal.definitions.context import is_local as is_local
    from intermodal.definitions.dicts import Dict as Dict
    from intermodal.definitions.functions import Function as Function
    from intermodal.definitions.ignore import FilePatternMatcher as FilePatternMatcher
    from intermodal.definitions.image import Image as Image
    from intermodal.definitions.output import enable_output as enable_output
    from intermodal.definitions.parameters import parameter as parameter
    from intermodal.definitions.partial import batched as batched
    from intermodal.definitions.partial import concurrent as concurrent
    from intermodal.definitions.partial import enter as enter
    from intermodal.definitions.partial import exit as exit
    from intermodal.definitions.partial import method as method
    from intermodal.definitions.queues import Queue as Queue
    from intermodal.definitions.retries import Retries as Retries
    from intermodal.definitions.sandbox import Sandbox as Sandbox
    from intermodal.definitions.schedules import Cron as Cron
    from intermodal.definitions.schedules import Period as Period
    from intermodal.definitions.secrets import Secret as Secret
    from intermodal.definitions.volumes import Volume as Volume
    from intermodal.definitions.web import asgi_app as asgi_app
    from intermodal.definitions.web import fastapi_endpoint as fastapi_endpoint
    from intermodal.definitions.web import web_endpoint as web_endpoint
    from intermodal.definitions.web import web_server as web_server
    from intermodal.definitions.web import wsgi_app as wsgi_app
    from intermodal.exception import Error as Error

__version__ = "0.1.0"

_PLACES = {
    "App": "definitions.app",
    "CloudBucketMount": "definitions.buckets",
    "Cls": "definitions.classes",
    "Cron": "definitions.schedules",
    "Dict": "definitions.dicts",
    "Error": "exception",
    "FilePatternMatcher": "definitions.ignore",
    "Function": "definitions.functions",
    "FunctionCall": "client.calls",
    "Image": "definitions.image",
    "Period": "definitions.schedules",
    "Queue": "definitions.queues",
    "Retries": "definitions.retries",
    "Sandbox": "definitions.sandbox",
    "Secret": "definitions.secrets",
    "Volume": "definitions.volumes",
    "asgi_app": "definitions.web",
    "batched": "definitions.partial",
    "concurrent": "definitions.partial",
    "current_attempt": "definitions.context",
    "current_function_call_id": "definitions.context",
    "current_input_id": "definitions.context",
    "current_trace_context": "definitions.context",
    "enable_output": "definitions.output",
    "enter": "definitions.partial",
    "exit": "definitions.partial",
    "fastapi_endpoint": "definitions.web",
    "gather": "client.calls",
    "is_local": "definitions.context",
    "method": "definitions.partial",
    "parameter": "definitions.parameters",
    "trace_calls_with": "client.tracing",
    "web_endpoint": "definitions.web",
    "web_server": "definitions.web",
    "wsgi_app": "definitions.web",
}
_MODULES = {"exception": "exception", "gpu": "definitions.gpu"}

__all__ = ["__version__", *_PLACES, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        value = getattr(importlib.import_module(f"intermodal.{_PLACES[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"intermodal.{_MODULES[name]}")
    else:
        from intermodal.definitions.absent import message

        raise AttributeError(message(name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

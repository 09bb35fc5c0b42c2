"""The app with all its functions."""

from __future__ import annotations

from intermodal_conformance.apps import batching as batching
from intermodal_conformance.apps import calls as calls
from intermodal_conformance.apps import classes as classes
from intermodal_conformance.apps import gpus as gpus
from intermodal_conformance.apps import images as images
from intermodal_conformance.apps import interpreting as interpreting
from intermodal_conformance.apps import logs as logs
from intermodal_conformance.apps import retrying as retrying
from intermodal_conformance.apps import sandboxes as sandboxes
from intermodal_conformance.apps import scaling as scaling
from intermodal_conformance.apps import secrets as secrets
from intermodal_conformance.apps import state as state
from intermodal_conformance.apps import volumes as volumes
from intermodal_conformance.apps.common import app

__all__ = ["app"]

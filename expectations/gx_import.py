"""Importing Great Expectations: late, quietly and without what the gate does not use.

Two of its expectations draw charts with altair and test distributions with scipy.stats; importing both takes longer
than all the rest. They are deferred while it is imported, and loaded if one of those expectations is ever used.
"""

import importlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

DEFERRED = ("altair", "scipy.stats")


class _Deferred(ModuleType):
    """A stand-in that becomes the module it is named after with the first thing asked of it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def _deferring(names: tuple[str, ...]) -> Iterator[None]:
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update((name, _Deferred(name)) for name in absent)
    try:
        yield
    finally:
        for name in absent:
            if isinstance(sys.modules.get(name), _Deferred):
                del sys.modules[name]


def _silence(name: str) -> None:
    """Let nothing of a package's loggers through; some of them set a level of their own."""
    logger = logging.getLogger(name)
    logger.setLevel(logging.CRITICAL + 1)
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


@contextmanager
def quiet_gx() -> Iterator[Any]:
    """Great Expectations, imported and silent: no log lines (they may quote values), no warnings, no analytics.

    Yields an ephemeral context without progress bars; nothing is written to disk, nothing is sent.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    _silence("great_expectations")
    with warnings.catch_warnings(), _deferring(DEFERRED):
        warnings.simplefilter("ignore")
        import great_expectations
        from great_expectations.data_context.types.base import (
            DataContextConfig,
            InMemoryStoreBackendDefaults,
            ProgressBarsConfig,
        )

        # Without stores of our own, each context makes a temporary folder for a docs site that nobody asked for.
        stores = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
        no_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
        config = DataContextConfig(store_backend_defaults=stores, progress_bars=no_bars, analytics_enabled=False)
        yield great_expectations.get_context(project_config=config, mode="ephemeral")

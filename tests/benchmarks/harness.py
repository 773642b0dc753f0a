"""What the benchmarks share: generated offices, a run's stages without Airflow, sandboxes, memory of a process tree."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from include import ROOT
from include.pipelines.run.context import RunContext, RunRequest
from include.runtime.connections import Connections
from include.runtime.settings import read_settings
from tests.sandbox.running import running_sandbox

FOLDER = ROOT / ".planbridge" / "bench"
AS_OF = date(2026, 11, 20)
CALLS = "100000000"
CORES = 2
WARM = "tests.benchmarks.warm"


@dataclass
class Bench:
    """One office with its vendors: where everything lies, and the ports of the sandboxes that run now."""

    households: int
    office: str = "crm.db"
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return FOLDER / str(self.households)

    @property
    def crm(self) -> Path:
        return self.folder / self.office

    def context(self, run_id: str, as_of: date = AS_OF, **request: Any) -> RunContext:
        """A new run over this office."""
        return self.context_of(RunRequest(run_id, "weeknight_refresh", as_of, **request))

    def context_of(self, request: RunRequest) -> RunContext:
        """A run over this office, everybody enrolled."""
        os.environ.update(
            PLANBRIDGE__DATA__FOLDER=str(self.folder / "data"),
            PLANBRIDGE__PROFILES__ENROLL="all",
            PLANBRIDGE__EMONEY__ENROLL="all",
            PLANBRIDGE__EMONEY__CALLS_PER_MINUTE=CALLS,
            PLANBRIDGE__GUARD__MAX_CHANGED_PERCENT="100",
        )
        connections = {"crm": _connection("sqlite", schema=str(self.crm))}
        for vendor in ("profiles", "emoney"):
            connections[vendor] = _connection(
                "http", host="127.0.0.1", port=self.ports.get(vendor, 9), login="bench", password="bench"
            )
        connections["emoney"].extra_dejson["private_key_file"] = str(FOLDER / "key.pem")
        return RunContext(request, read_settings(), Connections(connections.get))

    def forget_runs(self) -> None:
        """Ledger, staged files and vendors as before the first night."""
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        for file in (*self.folder.glob("profiles.db*"), *self.folder.glob("emoney.db*")):
            file.unlink()

    def make_office(self) -> None:
        """Generates the office once; later benchmarks find it there."""
        if self.crm.exists():
            return
        from include.demo import build_office

        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.crm.with_suffix(".partial")
        build_office(f"sqlite:///{partial}", self.households, today=AS_OF, overwrite=True)
        partial.rename(self.crm)

    @contextmanager
    def own_office(self) -> Iterator[None]:
        """A copy of the office, to be changed."""
        original = self.crm
        self.office = "changing.db"
        shutil.copyfile(original, self.crm)
        try:
            yield
        finally:
            self.crm.unlink()
            self.office = original.name


def _connection(conn_type: str, **values: Any) -> SimpleNamespace:
    empty = {"host": None, "port": None, "schema": None, "login": None, "password": None}
    return SimpleNamespace(conn_type=conn_type, extra_dejson={}, **{**empty, **values})


def make_keys() -> None:
    """The key pair of the benchmark's eMoney log-in."""
    if (FOLDER / "key.pem").exists():
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (FOLDER / "public.pem").write_bytes(public)
    (FOLDER / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))


@contextmanager
def sandboxes(bench: Bench) -> Iterator[None]:
    """Both vendors on free ports, over the databases in the bench's folder."""
    emoney = ["--client-id", "bench", "--api-key", "bench", "--public-key", str(FOLDER / "public.pem")]
    options = {
        "profiles": ["--login", "bench", "--password", "bench"],
        "emoney": [*emoney, "--limit-per-minute", CALLS, "--limit-in-flight", "1000"],
    }
    with ExitStack() as running:
        for vendor, extra in options.items():
            sandbox = running_sandbox(vendor, bench.folder / f"{vendor}.db", *extra)
            bench.ports[vendor] = running.enter_context(sandbox).port
        yield


def warm_up() -> None:
    """Starts the process that all workers are forks of; it has loaded the slow libraries, as the scheduler has."""
    context = get_context("forkserver")
    context.set_forkserver_preload([WARM])
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        pool.submit(os.getpid).result()


def transform_in_processes(bench: Bench, context: RunContext, shards: list[int]) -> None:
    """The mapped task of the DAG, as LocalExecutor would run it on this many cores."""
    _in_processes(_transform, bench, context, shards)


def validate_in_processes(bench: Bench, context: RunContext) -> None:
    """The gate of each vendor in a process of its own, as the mapped task is."""
    _in_processes(_validate, bench, context, list(context.request.vendors))


def load_in_processes(bench: Bench, context: RunContext, loads: list[tuple[str, int]]) -> None:
    """The mapped tasks of both vendors (vendor, shard): side by side, as in the DAG."""
    _in_processes(_load, bench, context, loads)


def _in_processes(work: Callable[[Any], None], bench: Bench, context: RunContext, items: Sequence[Any]) -> None:
    jobs = [(bench, context.request, item) for item in items]
    with ProcessPoolExecutor(CORES, mp_context=get_context("forkserver")) as pool:
        list(pool.map(work, jobs))


def _transform(job: tuple[Bench, RunRequest, int]) -> None:
    from include.pipelines.refresh.transform import transform_shard

    bench, request, number = job
    transform_shard(bench.context_of(request), number)


def _validate(job: tuple[Bench, RunRequest, str]) -> None:
    from include.pipelines.refresh.validate import validate_vendor

    bench, request, vendor = job
    validate_vendor(bench.context_of(request), vendor)


def _load(job: tuple[Bench, RunRequest, tuple[str, int]]) -> None:
    from include.pipelines.refresh.load import load_shard

    bench, request, load = job
    load_shard(bench.context_of(request), *load)


class Watch:
    """Wall seconds by stage, and the peak of the memory of this process and all its children together (MiB)."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.peak = 0.0
        self._stop = threading.Event()
        threading.Thread(target=self._sample, daemon=True).start()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times a block."""
        started = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - started, 2)

    def stop(self) -> dict[str, Any]:
        """The figures, as JSON."""
        self._stop.set()
        return {"seconds": self.seconds, "peak_mib": round(self.peak)}

    def _sample(self) -> None:
        me = psutil.Process()
        while not self._stop.wait(0.5):  # more often, and looking takes the time that is measured
            total = 0
            for process in (me, *me.children(recursive=True)):
                try:
                    if "include.sandbox" not in " ".join(process.cmdline()):
                        total += process.memory_full_info().pss  # what forks share is counted once
                except psutil.Error:
                    continue
            self.peak = max(self.peak, total / 2**20)

"""The two vendors' sandboxes of a local installation, and how the pipeline reaches them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from etl.files import write_whole
from include.local.installation import Installation
from include.local.processes import Program, Programs, python

VENDORS = ("profiles", "emoney")
LOGIN = "planbridge"
CALLS_PER_MINUTE = 100_000  # eMoney's published limit of 60 a minute would stretch the demo over a quarter of an hour


def key_pair(installation: Installation) -> tuple[Path, Path]:
    """The files of the key that signs eMoney's assertions: private (owner only) and public. Made once."""
    private, public = installation.folder / "emoney_key.pem", installation.folder / "emoney_key.pub.pem"
    if not public.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        write_whole(private, key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        write_whole(public, key.public_key().public_bytes(pem, spki))
    return private, public


def start(installation: Installation, programs: Programs, environment: Mapping[str, str]) -> dict[str, str]:
    """Start both sandboxes on free loopback ports; their addresses by vendor."""
    installation.data.mkdir(parents=True, exist_ok=True)
    _, public_key = key_pair(installation)
    profiles = {"login": LOGIN, "password": installation.secrets["profiles_password"]}
    emoney = {"client-id": LOGIN, "api-key": installation.secrets["emoney_api_key"], "public-key": str(public_key)}
    emoney |= {"limit-per-minute": str(CALLS_PER_MINUTE)}
    options = {"profiles": profiles, "emoney": emoney}
    started: dict[str, Program] = {}
    for vendor in VENDORS:
        given = {"port": "0", "database": str(installation.sandbox(vendor))} | options[vendor]
        command = python(f"include.sandbox.{vendor}", *(f"--{name}={value}" for name, value in given.items()))
        started[vendor] = programs.start(f"sandbox_{vendor}", command, environment)
    for program in started.values():
        program.wait_until(program.address)
    return {vendor: program.address() for vendor, program in started.items()}


def connections(installation: Installation, addresses: Mapping[str, str]) -> dict[str, str]:
    """The Airflow connections to the demo CRM and the sandboxes, as environment variables."""
    private_key, _ = key_pair(installation)
    profiles, emoney = (urlsplit(addresses[vendor]) for vendor in VENDORS)
    secrets = installation.secrets
    vendor_connection = {"conn_type": "http", "schema": "http"}
    return {
        "AIRFLOW_CONN_CRM": f"sqlite:///{quote(str(installation.crm))}",
        "AIRFLOW_CONN_PROFILES": json.dumps(
            vendor_connection
            | {"host": profiles.hostname, "port": profiles.port}
            | {"login": LOGIN, "password": secrets["profiles_password"]}
        ),
        "AIRFLOW_CONN_EMONEY": json.dumps(
            vendor_connection
            | {"host": emoney.hostname, "port": emoney.port}
            | {"login": LOGIN, "password": secrets["emoney_api_key"]}
            | {"extra": {"private_key_file": str(private_key)}}
        ),
    }

"""RSA keys for eMoney's client and its sandbox."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID


def new_keys() -> tuple[str, str]:
    """A new private key and its self-signed certificate, both PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Planbridge sandbox")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    return private.decode(), certificate.public_bytes(pem).decode()


# The one pair of a test session, for who does not care which.
vendor_keys = cache(new_keys)


def make_key_pair(private_key: Path, certificate: Path) -> None:
    """A new pair in these files; the private one is readable by its owner only."""
    private_key.touch(mode=0o600)
    for path, pem in zip((private_key, certificate), new_keys(), strict=True):
        path.write_text(pem)

"""The token endpoint's proof of identity: a JWT signed with the key whose public part eMoney holds."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from include.sandbox.common.server import CannotStart
from include.sandbox.common.wire import Json

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFETIME_AT_MOST = 300
# An assertion made with this many seconds to spare is still taken: clocks tick in whole seconds.
TOLERANCE = 1


class TokenRefused(Exception):
    """The token endpoint's error and its description."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


def read_public_key(path: Path) -> RSAPublicKey:
    """The RSA key in a PEM file, bare or in an X.509 certificate; raises CannotStart."""
    try:
        pem = path.read_bytes()
        key: Any
        if b"BEGIN CERTIFICATE" in pem:
            key = x509.load_pem_x509_certificate(pem).public_key()
        else:
            key = serialization.load_pem_public_key(pem)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it holds no PEM public key or certificate"
        raise CannotStart(
            f"Cannot read the public key {path}: {reason}. Name a PEM public key or X.509 certificate with "
            "--public-key FILE."
        ) from error
    if not isinstance(key, RSAPublicKey):
        raise CannotStart(f"The public key {path} is not an RSA key. Name an RSA key with --public-key FILE.")
    return key


@dataclass(frozen=True)
class Assertions:
    """Judges token requests; `use` says whether a jti is new and remembers it until the time given."""

    client_id: str
    key: RSAPublicKey
    use: Callable[[str, float], bool]

    def check(self, form: dict[str, str], token_url: str) -> None:
        """Raises TokenRefused; an assertion that passes is used up."""
        if form.get("grant_type") != "client_credentials":
            raise TokenRefused("unsupported_grant_type", "The grant_type must be client_credentials.")
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise TokenRefused("invalid_request", f"The client_assertion_type must be {ASSERTION_TYPE}.")
        if form.get("scope") != "API":
            raise TokenRefused("invalid_scope", "The scope must be API.")
        claims = self._claims(form.get("client_assertion", ""), token_url)
        if claims["sub"] != self.client_id:
            raise TokenRefused("invalid_client", "The assertion's sub must be the client id.")
        if claims["exp"] > time.time() + LIFETIME_AT_MOST + TOLERANCE:
            raise TokenRefused("invalid_client", "The assertion's exp is more than 5 minutes ahead.")
        if not claims["jti"] or not self.use(str(claims["jti"]), float(claims["exp"])):
            raise TokenRefused("invalid_client", "The assertion's jti has been used.")

    def _claims(self, assertion: str, token_url: str) -> Json:
        known: Json = {"audience": token_url, "issuer": self.client_id}
        try:
            return jwt.decode(assertion, self.key, ["RS256"], {"require": ["iss", "sub", "aud", "exp", "jti"]}, **known)
        except jwt.InvalidTokenError as error:
            raise TokenRefused("invalid_client", f"The client_assertion is not accepted: {error}") from error

"""Forged credentials: JSON Web Tokens, and signatures with guessable keys."""

import base64
import hmac
import json


def base64url(raw: bytes) -> str:
    """Return Base64 with the alphabet of URLs, without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signature(key: bytes, text: str) -> str:
    """Return the HMAC with SHA-256 of a text."""
    return base64url(hmac.digest(key, text.encode(), "sha256"))


def jwt(algorithm: str, key: bytes, claims: str) -> str:
    """Return a JSON Web Token with that algorithm in its header; ``none`` has no signature.

    ``claims`` are encoded already.
    """
    text = f"{jwt_header(algorithm)}.{claims}"
    return f"{text}." if algorithm == "none" else f"{text}.{signature(key, text)}"


def jwt_header(algorithm: str) -> str:
    """Return the header of a JSON Web Token."""
    return base64url(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())

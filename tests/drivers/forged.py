"""What forgers make: JSON Web Tokens, and signatures with keys that anybody can guess."""

import base64
import hmac
import json


def base64url(raw: bytes) -> str:
    """Base64 as tokens have it: of the letters of URLs, without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signature(key: bytes, text: str) -> str:
    """HMAC with SHA-256 over a text."""
    return base64url(hmac.digest(key, text.encode(), "sha256"))


def jwt(algorithm: str, key: bytes, claims: str) -> str:
    """A JSON Web Token that names its own algorithm; of ``none`` it has no signature.

    ``claims`` are encoded already.
    """
    text = f"{jwt_head(algorithm)}.{claims}"
    return f"{text}." if algorithm == "none" else f"{text}.{signature(key, text)}"


def jwt_head(algorithm: str) -> str:
    """The part of a JSON Web Token that names its algorithm."""
    return base64url(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())

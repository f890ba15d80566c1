"""Credentials of a deployment with closed access, as the api issues them."""

import secrets
import time
from pathlib import Path

import msgspec
import redis as redis_client

from access.grant import READ
from access.session import Session, SessionSeal
from access.tokens import StoredToken, new_token, token_digest, token_id
from contract.names import GENERATION_KEY, RENEWED, REVOCATIONS_KEY, REVOKED_CHANNEL
from contract.rest import Scope


class Credentials:
    """A key, a folder of tokens, and the generation in Redis."""

    def __init__(self, folder: Path, redis: redis_client.Redis) -> None:
        self.key = secrets.token_hex(32).encode()
        self.key_file = folder / "key"
        self.key_file.write_bytes(self.key)
        self.tokens = folder / "tokens"
        self.users = folder / "users"
        for made in (self.tokens, self.users):
            made.mkdir()
        self.seal = SessionSeal(self.key)
        self._redis = redis
        self.generation = self.new_generation()

    @property
    def env(self) -> dict[str, str]:
        """Return the settings of closed access."""
        return {"ACCESS": "closed", "ACCESS_KEY_FILE": str(self.key_file), "ACCESS_TOKENS_DIR": str(self.tokens)}

    def new_generation(self) -> str:
        """Write a new generation to Redis; return it."""
        self.generation = secrets.token_hex(16)
        self._redis.set(GENERATION_KEY, self.generation)
        self._redis.publish(REVOKED_CHANNEL, RENEWED)
        return self.generation

    def session(self, user: str = "ada", *, lives: float = 3600.0, idles: float = 3600.0) -> Session:
        """Return a session that ends after ``lives`` seconds, or after ``idles`` seconds without use."""
        now = time.time()
        return Session(secrets.token_hex(16), user, self.generation, "stamp", now, now + lives, now + idles)

    def cookie(self, session: Session | None = None) -> str:
        """Return the ``Cookie`` header of a session."""
        return f"{self.seal.cookie}={self.seal.seal(session or self.session())}"

    def token(self, name: str = "script", *, scopes: tuple[Scope, ...] = (READ,), lives: float | None = None) -> str:
        """Add a token; return it."""
        token, now = new_token(), time.time()
        stored = StoredToken(
            sha256=token_digest(token), scopes=scopes, created=now, expires=None if lives is None else now + lives
        )
        made = self.tokens / f".{name}"
        made.write_bytes(msgspec.json.encode(stored))
        made.rename(self.tokens / name)
        return token

    def revoke(self, member: str) -> None:
        """Write a revocation, as the api does."""
        pipeline = self._redis.pipeline()
        pipeline.zadd(REVOCATIONS_KEY, {member: time.time() + 3600})
        pipeline.publish(REVOKED_CHANNEL, member)
        pipeline.execute()

    def revoke_session(self, session: Session) -> None:
        """Revoke a session."""
        self.revoke(f"session:{session.id}")

    def revoke_token(self, token: str) -> None:
        """Revoke a token but keep its file."""
        self.revoke(f"token:{token_id(token_digest(token))}")

"""Tokens are known by their digests, as the folder has them now."""

import time
from pathlib import Path

import msgspec
import pytest

from access.gatekeeper import Gatekeeper
from access.grant import PUBLISH, READ, AccessDenied, require_scope
from access.revocations import Revocations
from access.settings import AccessSettings
from access.tokens import PreviousToken, StoredToken, Tokens, new_token, token_digest


def store(folder: Path, name: str, token: str, *, expires: float | None = None) -> None:
    stored = StoredToken(sha256=token_digest(token), scopes=("publish",), created=time.time(), expires=expires)
    (folder / name).write_bytes(msgspec.json.encode(stored))


@pytest.fixture
def gatekeeper(tmp_path: Path) -> Gatekeeper:
    return Gatekeeper(AccessSettings("closed", b"k" * 32, tmp_path), Revocations())


def test_token_is_known_as_soon_as_its_file_is_there_and_its_secret_is_not_in_it(
    gatekeeper: Gatekeeper, tmp_path: Path
) -> None:
    token = new_token()
    with pytest.raises(AccessDenied):
        gatekeeper.by_token(token)

    store(tmp_path, "script", token)

    grant = gatekeeper.by_bearer(f"bearer {token}")
    assert (grant.by, grant.name, grant.scopes) == ("token", "script", {PUBLISH})
    require_scope(grant, PUBLISH)
    with pytest.raises(AccessDenied, match="read"):
        require_scope(grant, READ)
    assert token[4:] not in (tmp_path / "script").read_text()
    assert new_token() != token


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer dcl_x", f"Bearer dcl_{'a' * 999}"])
def test_header_without_a_token_is_refused(gatekeeper: Gatekeeper, header: str) -> None:
    with pytest.raises(AccessDenied) as refused:
        gatekeeper.by_bearer(header)
    assert refused.value.code == "sign_in_required"


def test_expired_token_is_refused(gatekeeper: Gatekeeper, tmp_path: Path) -> None:
    token = new_token()
    store(tmp_path, "old", token, expires=time.time() - 1)

    with pytest.raises(AccessDenied, match="expired"):
        gatekeeper.by_token(token)


def test_files_without_a_valid_token_grant_nothing(gatekeeper: Gatekeeper, tmp_path: Path) -> None:
    token = new_token()
    for name, content in {
        "empty": "",
        "list": "[]",
        "hash": '{"sha256":5}',
        "half": '{"sha256":"',
        ".hidden": "",
    }.items():
        (tmp_path / name).write_text(content)
    store(tmp_path, ".started", token)
    (tmp_path / "folder").mkdir()

    for guess in (token, "", "dcl_", new_token()):
        with pytest.raises(AccessDenied):
            gatekeeper.by_token(guess)
    store(tmp_path, "good", token)
    assert gatekeeper.by_token(token).name == "good"


def test_previous_token_has_the_same_grant_until_its_overlap_ends(tmp_path: Path) -> None:
    # given
    former, new, now = new_token(), new_token(), [1000.0]
    tokens = Tokens(tmp_path, clock=lambda: now[0])
    old = StoredToken(sha256=token_digest(former), scopes=("read",), created=900.0, expires=9000.0)
    (tmp_path / "script").write_bytes(msgspec.json.encode(old))
    grant = tokens.grant(former)
    # when
    replaced = StoredToken(
        sha256=token_digest(new),
        scopes=("read",),
        created=1000.0,
        previous=(PreviousToken(old.sha256, old.created, old.expires, 2000.0),),
    )
    (tmp_path / ".script").write_bytes(msgspec.json.encode(replaced))
    (tmp_path / ".script").rename(tmp_path / "script")
    # then: who is connected by it is not asked again
    assert tokens.grant(new).name == "script"
    assert tokens.is_current(grant)
    assert tokens.grant(former) == grant
    # and when
    version, now[0] = tokens.version, 2000.0
    # then
    assert tokens.version == version + 1
    assert tokens.version == version + 1
    assert not tokens.is_current(grant)
    assert tokens.is_current(tokens.grant(new))
    with pytest.raises(AccessDenied):
        tokens.grant(former)

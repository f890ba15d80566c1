"""A restore of Redis's data makes no session valid again, even after revocations since the copy."""

import os
import subprocess
import sys
from pathlib import Path

from deploy.local.restore import DUMP, FOLDER
from tests.drivers.closed_stack import PASSWORD, closed_stack
from tests.drivers.process import ROOT
from tests.drivers.waiting import eventually


def test_revoked_session_is_refused_after_a_restore_of_an_older_copy(tmp_path: Path) -> None:
    with closed_stack(WS_DRAIN_SECONDS="0") as stack:
        # given: two users with sessions, a copy, and then one user is removed and one signed out everywhere
        for name in ("grace", "eve"):
            stack.add_user(name)
        api, replica = stack.start_api(), stack.start_replica()
        people = [stack.signed_in(api), stack.signed_in(api, "eve")]
        kept = stack.signed_in(api, "grace")
        redis = stack.redis()
        redis.save()
        copy = tmp_path / "copy.rdb"
        copy.write_bytes(Path(redis.config_get("dir")["dir"], DUMP).read_bytes())
        redis.close()
        stack.command("user", "remove", "ada")
        stack.command("user", "sign-out", "eve")
        # when
        stack.valkey.stop()
        folder = tmp_path / "valkey"
        folder.mkdir()
        done = subprocess.run(
            [sys.executable, "-m", "deploy.local.restore", str(copy), "--yes"],
            cwd=ROOT, env={**os.environ, **stack.env, FOLDER: str(folder)}, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        stack.valkey.start(folder)
        # then: sessions before the restore are invalid. For up to a second the api uses the previous generation;
        # a session that starts in that second is invalid too.
        eventually(lambda: not kept.is_known(api.origin), within_seconds=60, what="the new generation at the api")
        # A new session is accepted by a new replica,
        other = stack.person()
        eventually(
            lambda: other.try_to_sign_in(api.origin, "grace", PASSWORD).status_code == 303,
            within_seconds=60,
            what="a user signs in",
        )
        stack.secrets.add(other.session)
        fresh = stack.start_replica()
        eventually(lambda: stack.is_let_in(fresh, cookie=other.cookie), within_seconds=60, what="the new session")
        # and the sessions before the restore are refused.
        for person in (*people, kept):
            assert not person.is_known(api.origin)
            assert not any(stack.is_let_in(each, cookie=person.cookie) for each in (replica, fresh))

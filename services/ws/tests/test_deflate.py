import gzip
import random
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.push.work import Snapshots
from ws import deflate
from ws.deflate import FEW_RECIPIENTS, deflated, gzipped

NODE = Path(sys.executable).parent / "node"
SNAPSHOT = Snapshots(1000).snapshot(1, moving=1000)
MANY_RECIPIENTS = FEW_RECIPIENTS + 1
END = b"\x00\x00\xff\xff"


@pytest.fixture
def without_isal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deflate, "isal_zlib", None)


def inflated(payload: bytes) -> bytes:
    """Return the message as a client reads it, which has a window of its own for each message."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    data = inflater.decompress(payload + END)
    # The client waits for nothing more, and the payload has no end of a stream.
    assert not inflater.unconsumed_tail
    assert not inflater.eof
    return data


@pytest.mark.parametrize("recipients", [0, 1, FEW_RECIPIENTS, MANY_RECIPIENTS])
@given(data=st.binary(max_size=3000))
def test_message_is_whole_for_any_number_of_recipients(data: bytes, recipients: int) -> None:
    assert inflated(deflated(data, recipients)) == data


@pytest.mark.parametrize("length", [0, 1, 512, 32767, 32768, 32769, 65535, 65536, 262_144, 3_000_000])
def test_message_is_whole_at_any_length(length: int) -> None:
    noise = random.Random(1).randbytes(length)
    repeated = (SNAPSHOT * (length // len(SNAPSHOT) + 1))[:length]
    for data in (noise, repeated, b"4" * length):
        assert inflated(deflated(data, 1)) == data
        assert gzip.decompress(gzipped(data)) == data


def test_no_reference_goes_beyond_the_window() -> None:
    # Equal blocks of noise, so far apart that only a larger window could use the first for the second.
    noise = random.Random(1).randbytes(40_000)
    assert inflated(deflated(noise + noise, 1)) == noise + noise
    assert len(deflated(noise + noise, 1)) > 2 * len(noise)


@pytest.mark.skipif(deflate.isal_zlib is None, reason="isal has no wheel for this machine")
def test_many_recipients_get_the_shorter_message() -> None:
    few, many = (len(deflated(SNAPSHOT, recipients)) for recipients in (FEW_RECIPIENTS, MANY_RECIPIENTS))
    assert many < few < 1.15 * many


@pytest.mark.skipif(deflate.isal_zlib is None, reason="isal has no wheel for this machine")
@pytest.mark.parametrize("length", [512, 1024, 4096])
def test_short_message_is_as_short_with_isal_as_with_zlib(length: int) -> None:
    data = SNAPSHOT[:length]
    assert len(deflated(data, 1)) < 1.03 * len(deflated(data, MANY_RECIPIENTS))


@pytest.mark.usefixtures("without_isal")
def test_zlib_compresses_everything_without_isal() -> None:
    assert deflated(SNAPSHOT, 1) == deflated(SNAPSHOT, MANY_RECIPIENTS)
    assert inflated(deflated(SNAPSHOT, 1)) == SNAPSHOT
    assert gzip.decompress(gzipped(SNAPSHOT)) == SNAPSHOT


def test_service_needs_no_isal() -> None:
    script = "import sys; sys.modules['isal'] = None; from ws.deflate import isal_zlib; sys.exit(isal_zlib is not None)"
    assert subprocess.run([sys.executable, "-c", script], env={"PYTHONPATH": ":".join(sys.path)}).returncode == 0


def test_answer_to_a_poll_has_no_time_in_its_header() -> None:
    assert gzipped(SNAPSHOT)[4:8] == bytes(4)


@pytest.mark.skipif(not NODE.exists(), reason="Node is not installed")
@pytest.mark.parametrize("recipients", [1, MANY_RECIPIENTS])
def test_node_inflates_a_message(recipients: int) -> None:
    script = """
        const zlib = require("node:zlib"), data = require("node:fs").readFileSync(0);
        process.stdout.write(zlib.inflateRawSync(data, {finishFlush: zlib.constants.Z_SYNC_FLUSH}));
    """
    done = subprocess.run([NODE, "-e", script], input=deflated(SNAPSHOT, recipients) + END, stdout=subprocess.PIPE)
    assert (done.returncode, done.stdout) == (0, SNAPSHOT)

import os

import pytest

from collector.authentication import FILE_LIMIT_BYTES, SECRET_LIMIT_BYTES, Credentials, CredentialsError
from collector.targets.entry import HttpOptions


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "credentials"
    made.mkdir()
    (tmp_path / "outside").write_text("redis password")
    return made


def basic(name):
    return HttpOptions(scheme="https", username="prom", password_file=name)


def bearer(name):
    return HttpOptions(scheme="https", bearer_token_file=name)


def test_header_has_the_password_or_the_token_of_the_file(folder):
    (folder / "password").write_text("hunter2é\n")
    (folder / "token").write_text(" abc.DEF-1 \n")
    credentials = Credentials(folder)

    assert credentials.authorization(basic("password")) == "Basic cHJvbTpodW50ZXIyw6k="
    assert credentials.authorization(bearer("token")) == "Bearer abc.DEF-1"
    assert credentials.authorization(bearer(str(folder / "token"))) == "Bearer abc.DEF-1"
    assert credentials.authorization(HttpOptions(scheme="https")) is None


@pytest.mark.parametrize("text", [b"hunter2\r\n", b"\xef\xbb\xbfhunter2\r\n", b"\n hunter2\n\n"])
def test_secret_is_unchanged_when_an_editor_adds_a_byte_order_mark_or_line_breaks(folder, text):
    (folder / "secret").write_bytes(text)
    credentials = Credentials(folder)

    assert credentials.authorization(basic("secret")) == "Basic cHJvbTpodW50ZXIy"
    assert credentials.authorization(bearer("secret")) == "Bearer hunter2"


@pytest.mark.parametrize("text", ["prom\nhunter2", "hunter2\r\nX-Header: 1", "hunter\0002", "hunter\t2"])
def test_password_is_rejected_when_it_has_control_characters(folder, text):
    (folder / "password").write_text(text)

    with pytest.raises(
        CredentialsError, match=r"^no request was sent: password_file must contain exactly one password$"
    ):
        Credentials(folder).authorization(basic("password"))


def test_file_is_read_again_when_it_has_changed(folder):
    (folder / "token").write_text("old")
    credentials = Credentials(folder)
    assert credentials.authorization(bearer("token")) == "Bearer old"

    (folder / "new").write_text("new")
    (folder / "new").rename(folder / "token")
    assert credentials.authorization(bearer("token")) == "Bearer new"

    (folder / "token").write_text("newer")
    assert credentials.authorization(bearer("token")) == "Bearer newer"

    (folder / "token").unlink()
    with pytest.raises(CredentialsError, match="bearer_token_file is not in COLLECTOR_CREDENTIALS_DIR"):
        credentials.authorization(bearer("token"))


def test_file_is_read_again_when_it_changes_faster_than_the_clock_of_its_file_system(folder, monkeypatch):
    # The clock of the file system does not advance.
    monkeypatch.setattr("collector.authentication._signature", lambda found: (found.st_ino, found.st_size))
    credentials = Credentials(folder)

    for number in (1, 2):
        (folder / "token").write_text(f"token{number}")
        assert credentials.authorization(bearer("token")) == f"Bearer token{number}"


def test_file_is_read_once_when_it_does_not_change(folder, monkeypatch):
    (folder / "token").write_text("token")
    os.utime(folder / "token", (1e9, 1e9))
    credentials = Credentials(folder)
    credentials.authorization(bearer("token"))
    monkeypatch.setattr(os, "open", None)

    assert credentials.authorization(bearer("token")) == "Bearer token"


def test_file_is_read_through_the_links_of_kubernetes(folder):
    for version in ("1", "2"):
        (folder / f"..{version}").mkdir()
        (folder / f"..{version}" / "token").write_text(f"token{version}")
    (folder / "..data").symlink_to("..1")
    (folder / "token").symlink_to("..data/token")
    credentials = Credentials(folder)
    assert credentials.authorization(bearer("token")) == "Bearer token1"

    (folder / "new").symlink_to("..2")
    (folder / "new").rename(folder / "..data")

    assert credentials.authorization(bearer("token")) == "Bearer token2"


@pytest.mark.parametrize(
    "name", ["../outside", "{outside}", "link", "linked/outside", "/etc/passwd", "../nothing", "a/../../outside"]
)
def test_error_reveals_nothing_about_a_file_outside_the_folder(folder, tmp_path, name):
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "linked").symlink_to(tmp_path)
    (folder / "a").mkdir()

    with pytest.raises(CredentialsError) as caught:
        Credentials(folder).read("ca_file", name.format(outside=tmp_path / "outside"))

    assert str(caught.value) == "no request was sent: ca_file is outside COLLECTOR_CREDENTIALS_DIR"


@pytest.mark.parametrize(
    ("make", "error_text"),
    [
        (lambda path: None, "is not in COLLECTOR_CREDENTIALS_DIR"),
        (lambda path: path.mkdir(), "is not a file"),
        (lambda path: os.mkfifo(path), "is not a file"),
        (lambda path: path.symlink_to(path), "cannot be read"),
        (lambda path: path.write_text(" \n"), "is empty"),
        (lambda path: path.write_text("a b"), "must contain exactly one token"),
        (lambda path: path.write_text("a\nX-Header: b"), "must contain exactly one token"),
        (lambda path: path.write_text("a\u00e9"), "must contain exactly one token"),
        (lambda path: path.write_text("a" * (SECRET_LIMIT_BYTES + 1)), "is longer than 8,192 bytes"),
        (lambda path: path.write_text("a" * (FILE_LIMIT_BYTES + 1)), "is longer than 1 MiB"),
    ],
)
def test_error_names_the_cause_without_the_content_when_a_file_cannot_be_used(folder, make, error_text):
    make(folder / "hunter2")

    with pytest.raises(CredentialsError) as caught:
        Credentials(folder).authorization(bearer("hunter2"))

    assert str(caught.value).startswith(f"no request was sent: bearer_token_file {error_text}")
    assert "hunter2" not in str(caught.value)


def test_error_names_the_variable_when_the_folder_is_missing(folder, tmp_path):
    with pytest.raises(CredentialsError, match="password_file needs COLLECTOR_CREDENTIALS_DIR, which is not set"):
        Credentials(None).authorization(basic("password"))
    with pytest.raises(CredentialsError, match="COLLECTOR_CREDENTIALS_DIR is not a folder"):
        Credentials(tmp_path / "outside").authorization(basic("password"))
    with pytest.raises(CredentialsError, match="COLLECTOR_CREDENTIALS_DIR does not exist"):
        Credentials(tmp_path / "none").authorization(basic("password"))

"""A test's own certificate authority, and server certificates from it."""

import subprocess
from pathlib import Path


def make_certificate(folder: Path, *names: str) -> None:
    """Write ``ca.crt``, ``server.crt`` and ``server.key`` for ``names`` such as ``IP:127.0.0.1``, readable by all."""
    authority = ["-x509", "-days", "2", "-subj", "/CN=a test's authority", "-keyout", "ca.key", "-out", "ca.crt"]
    # Python 3.13 and later require the key usage and the authority's key identifier.
    authority += ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    request = ["-subj", "/CN=a test's server", "-keyout", "server.key", "-out", "server.csr"]
    for options in (authority, request):
        _openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", *options)
    (folder / "names").write_text(f"subjectAltName={','.join(names)}\nauthorityKeyIdentifier=keyid\n")
    signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names"]
    _openssl(folder, "x509", "-req", "-in", "server.csr", "-out", "server.crt", *signed)
    for name in ("ca.crt", "server.crt", "server.key"):
        (folder / name).chmod(0o644)


def make_dated_certificate(folder: Path, name: str, begin: str, end: str) -> None:
    """Write ``NAME.crt``: like ``server.crt``, but valid between two times such as ``20200101000000Z``."""
    (folder / "ca.cnf").write_text(
        "[ca]\ndefault_ca=it\n[it]\ndatabase=index.txt\nnew_certs_dir=.\nserial=serial\ndefault_md=sha256\npolicy=any\n"
        "unique_subject=no\n[any]\ncommonName=supplied\n"
    )
    (folder / "index.txt").touch()
    # In Debian 12, "openssl x509" accepts no end in the past.
    signed = ["-batch", "-config", "ca.cnf", "-cert", "ca.crt", "-keyfile", "ca.key", "-rand_serial", "-notext"]
    dates = ["-startdate", begin, "-enddate", end]
    _openssl(folder, "ca", *signed, *dates, "-in", "server.csr", "-extfile", "names", "-out", f"{name}.crt")


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

"""A certificate authority of a test's own, and a server's certificate from it."""

import subprocess
from pathlib import Path


def make_certificate(folder: Path, *names: str) -> None:
    """Write ``ca.crt``, ``server.crt`` and ``server.key`` for ``names`` such as ``IP:127.0.0.1``; all may read them."""
    authority = ["-x509", "-days", "2", "-subj", "/CN=a test's authority", "-keyout", "ca.key", "-out", "ca.crt"]
    # Python 3.13 and later want to be told what keys are for, and whose they are.
    authority += ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    request = ["-subj", "/CN=a test's server", "-keyout", "server.key", "-out", "server.csr"]
    for options in (authority, request):
        _openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", *options)
    (folder / "names").write_text(f"subjectAltName={','.join(names)}\nauthorityKeyIdentifier=keyid\n")
    signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names"]
    _openssl(folder, "x509", "-req", "-in", "server.csr", "-out", "server.crt", *signed)
    for name in ("ca.crt", "server.crt", "server.key"):
        (folder / name).chmod(0o644)


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

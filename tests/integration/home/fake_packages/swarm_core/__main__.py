"""A core that only answers what a home asks of one: serve (/ready over TLS), init, join-token."""

import datetime
import http.server
import json
import os
import signal
import ssl
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DATA = Path(os.environ["SWARM_DATA"])
HOST, _, PORT = os.environ["SWARM_LISTEN"].rpartition(":")
assert len(Path(os.environ["SWARM_SEAL_KEY_FILE"]).read_text().strip()) == 43
assert os.environ["SWARM_DATABASE_URL"].startswith("postgresql://")
assert os.environ["SWARM_REDIS_URL"].startswith("redis://")


def certificate() -> tuple[Path, Path]:
    """Its own CA and certificate in one."""
    key_file, file = DATA / "key.pem", DATA / "ca.pem"
    if not file.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "core")])
        now = datetime.datetime.now(datetime.UTC)
        made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        key_file.write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
        file.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(pem))
    return file, key_file


class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/ready" else 404)
        self.end_headers()


def serve() -> None:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate())
    with http.server.HTTPServer((HOST, int(PORT)), Ready) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.serve_forever()


def init(admin: str, password_file: str) -> None:
    assert Path(password_file).read_text().strip()
    url = f"https://{HOST}:{PORT}"
    ca_pem = certificate()[0].read_text()
    print(json.dumps({"user": admin, "url": url, "ca_pem": ca_pem, "refresh_token": "secret"}))


match sys.argv[1:]:
    case ["serve"]:
        serve()
    case ["init", "--admin", admin, "--password-file", file, "--json"]:
        init(admin, file)
    case ["join-token", "--uses", "1", "--ttl", "600", "--json"]:
        print(json.dumps({"token": "SSJT1-x"}))
    case words:
        sys.exit(f"unknown: {words}")

"""The cluster's certificate authority: made once, it signs nothing but the certificates of cores.

Clients pin the CA and verify the fixed name SERVER_NAME on it, so that a core's address may be anything.
"""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from swarm_protocol.claims import SERVER_NAME, ca_fingerprint

_CA_YEARS: Final = 10
_BACKDATE: Final = timedelta(days=1)
"""For clients whose clock is behind."""


@dataclass(frozen=True, kw_only=True)
class ServerCertificate:
    """A core's own certificate and key, in PEM."""

    certificate: bytes
    key: bytes
    issued_at: float
    """Seconds since the epoch."""
    ends_at: float


class Authority:
    """The CA with its key."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self._certificate = certificate

    @property
    def pem(self) -> str:
        """The CA's certificate, which anyone may have."""
        return self._certificate.public_bytes(Encoding.PEM).decode()

    @property
    def fingerprint(self) -> str:
        """What join tokens pin."""
        return ca_fingerprint(self._certificate.public_bytes(Encoding.DER))

    def issue(self, now: float, days: float) -> ServerCertificate:
        """A fresh key and certificate for a core, good for `days` days from `now` (seconds since the epoch)."""
        key = ec.generate_private_key(ec.SECP256R1())
        start = datetime.fromtimestamp(now, UTC)
        names = [x509.DNSName(SERVER_NAME), x509.DNSName("localhost"), *map(_address, ("127.0.0.1", "::1"))]
        certificate = (
            _builder(key, _name(SERVER_NAME), self._certificate.subject, start, timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(_issued_by(self._key), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return ServerCertificate(
            certificate=certificate.public_bytes(Encoding.PEM),
            key=_pem_of(key),
            issued_at=now,
            ends_at=now + days * 86400,
        )


def make_authority(now: float) -> bytes:
    """A new CA, its key and certificate in PEM, as the database keeps it sealed. `now`: seconds since the epoch."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("swarm-sync CA")
    start = datetime.fromtimestamp(now, UTC)
    certificate = (
        _builder(key, name, name, start, timedelta(days=365 * _CA_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return _pem_of(key) + certificate.public_bytes(Encoding.PEM)


def load_authority(pem: bytes) -> Authority:
    """The CA that `make_authority` made."""
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the CA's key is not of an elliptic curve")
    return Authority(key, x509.load_pem_x509_certificate(pem))


def _builder(
    key: ec.EllipticCurvePrivateKey, subject: x509.Name, issuer: x509.Name, start: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - _BACKDATE)
        .not_valid_after(start + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=key_cert_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _issued_by(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _address(text: str) -> x509.IPAddress:
    return x509.IPAddress(ipaddress.ip_address(text))


def _pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

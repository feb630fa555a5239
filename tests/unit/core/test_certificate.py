"""The CA and the server's certificate: who trusts it, and when it is renewed."""

import asyncio
import ssl
import time

import pytest
from cryptography import x509
from tests.integration.core.spine import SilentLog
from tests.unit.core.identity.clock import ManualClock

from swarm_core.identity.authority import Authority, load_authority, make_authority
from swarm_core.tls import Certificate
from swarm_protocol.claims import SERVER_NAME, ca_fingerprint

DAY = 86400.0
NOW = 1_795_000_000.0


def authority() -> Authority:
    return load_authority(make_authority(NOW))


def shake(context: ssl.SSLContext, ca_pem: str, name: str = SERVER_NAME) -> bytes:
    """The certificate that a client accepts which trusts this CA alone, without a socket."""
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.load_verify_locations(cadata=ca_pem)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=name)
    server = context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    found = client.getpeercert(binary_form=True)
    assert found is not None
    return found


def test_it_is_signed_for_the_fixed_name_and_this_machine() -> None:
    ca = authority()
    made = x509.load_pem_x509_certificate(ca.issue(NOW, 90).certificate)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [SERVER_NAME, "localhost"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    made.verify_directly_issued_by(x509.load_pem_x509_certificate(ca.pem.encode()))
    assert ca.fingerprint == ca_fingerprint(ssl.PEM_cert_to_DER_cert(ca.pem))


def test_the_ca_lasts_ten_years_and_signs_no_other_ca() -> None:
    made = x509.load_pem_x509_certificate(authority().pem.encode())
    assert 3649 <= (made.not_valid_after_utc.timestamp() - NOW) / DAY <= 3651
    assert made.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0


async def test_it_is_renewed_at_two_thirds_of_its_life_in_the_same_context() -> None:
    clock = ManualClock(NOW)
    keeper = Certificate(authority(), clock, SilentLog(), days=90)
    first = keeper.current
    running = asyncio.create_task(keeper.run())
    while keeper.current is first:
        await asyncio.sleep(0)
    running.cancel()
    assert keeper.current.issued_at == NOW + 60 * DAY
    assert max(clock.slept) <= 3600


async def test_it_is_renewed_at_once_where_the_machine_has_slept_through_it() -> None:
    clock = ManualClock(NOW)
    keeper = Certificate(authority(), clock, SilentLog(), days=90)
    first, clock.now = keeper.current, NOW + 200 * DAY
    running = asyncio.create_task(keeper.run())
    await asyncio.sleep(0)
    running.cancel()
    assert keeper.current is not first
    assert clock.slept in ([], [3600.0])


def test_new_connections_see_the_new_certificate() -> None:
    clock = ManualClock(time.time())  # a client checks the dates on the real clock
    ca = load_authority(make_authority(clock.now))
    keeper = Certificate(ca, clock, SilentLog(), days=90)
    before = shake(keeper.context, ca.pem)
    keeper.current = keeper._issue()
    after = shake(keeper.context, ca.pem)
    assert before != after
    assert after == ssl.PEM_cert_to_DER_cert(keeper.current.certificate.decode())


def test_a_client_of_another_ca_or_name_refuses() -> None:
    ca = load_authority(make_authority(time.time()))
    keeper = Certificate(ca, ManualClock(time.time()), SilentLog(), days=90)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(keeper.context, authority().pem)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(keeper.context, ca.pem, "elsewhere.example")

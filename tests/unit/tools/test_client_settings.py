"""What is handed into a clean root: how packages are reached, and nothing that only this machine has."""

import configparser

from tools.client_settings import environment, pip_configuration

LISTED = """
:env:.default-timeout='180'
global.cert='/etc/ssl/certs/ca-certificates.crt'
global.extra-index-url='file:///opt/somewhere/simple'
global.find-links='/opt/wheels'
global.index-url='https://packages.example/simple'
global.trusted-host='one.example\\ntwo.example'
install.no-binary='x'
"""


def test_a_pip_configuration_without_files_of_this_machine() -> None:
    made = configparser.ConfigParser()
    made.read_string(pip_configuration(LISTED.splitlines()))
    assert made.sections() == ["global", "install"]
    assert dict(made["global"]) == {
        "cert": "/etc/ssl/certs/ca-certificates.crt",
        "index-url": "https://packages.example/simple",
        "trusted-host": "one.example\ntwo.example",
    }


def test_only_the_variables_of_package_clients() -> None:
    given = {
        "HTTPS_PROXY": "http://proxy.example:3128",
        "no_proxy": "localhost",
        "PIP_INDEX_URL": "https://packages.example/simple",
        "PIP_FIND_LINKS": "/opt/wheels",
        "PIP_EXTRA_INDEX_URL": "file:///opt/simple",
        "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
        "REQUESTS_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt",
        "HOME": "/home/x",
        "SWARM_HOME": "/home/x/swarm",
        "PYTHONPATH": "/somewhere",
        "MY_SECRET": "x",
    }
    kept = environment(given)
    assert set(kept) == {"HTTPS_PROXY", "no_proxy", "PIP_INDEX_URL", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"}

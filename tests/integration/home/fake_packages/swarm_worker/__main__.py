"""A worker that joins with its token and says that it waits."""

import json
import os
import signal
import sys
from pathlib import Path

assert "SWARM_DATABASE_URL" not in os.environ
match sys.argv[1:]:
    case ["run", "--data", folder, "--join-url", url, "--token-file", token]:
        data = Path(folder)
    case words:
        sys.exit(f"unknown: {words}")
data.mkdir(parents=True, exist_ok=True)
identity = data / "identity.json"
if not identity.exists():
    assert Path(token).read_text() == "SSJT1-x"
    ca_pem = json.loads(Path(os.environ["SWARM_HOME"], "credentials.json").read_text())["ca_pem"]
    identity.write_text(json.dumps({"ca_pem": ca_pem, "url": url}))
assert json.loads(identity.read_text())["url"] == url
(data / "state.json").write_text(json.dumps({"state": "waiting", "pid": os.getpid(), "engine": "1"}))
signal.pause()

"""`doit send`, `doit messages`, `doit locks`: what a person types, and what comes back."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.conftest import HOME, Farm


def test_a_message_goes_from_one_to_another(farm: Farm) -> None:
    sent = subprocess.run(
        [
            sys.executable,
            "-m",
            "doit",
            "send",
            "--to",
            "build2",
            "--subject",
            "[b]disk",
            "--body=-",
        ],
        cwd=HOME,
        env=farm.environment,
        input="it is\nfull\n",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()

    listed = farm.doit("messages", builder="build2").stdout
    assert sent in listed
    assert "[b]disk" in listed, "what others write is no markup"
    marked = farm.doit("messages", "--mark-read", "--json", builder="build2")
    [message] = json.loads(marked.stdout)
    assert (message["from"], message["body"]) == ("build1", "it is\nfull")
    assert farm.doit("messages", builder="build2").stdout == "no unread messages for build2\n"


def test_a_lock_is_taken_and_freed(farm: Farm) -> None:
    done = farm.doit("locks", "--take", "config_update", "--for", "1h", "--json")
    assert done.returncode == 0, done.stderr
    [lock] = json.loads(done.stdout)
    assert lock["locked_by"] == "build1"
    refused = farm.doit("locks", "--free", "config_update", builder="build2")
    assert refused.returncode == 3
    assert "build1 holds the lock config_update, not build2" in refused.stderr
    assert "no lock is taken" in farm.doit("locks", "--free", "config_update").stdout

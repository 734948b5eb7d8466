"""MariaDB on this machine, the real one, from Debian's packages: it speaks MySQL's protocol."""

from __future__ import annotations

import contextlib
import getpass
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.azurite import free_port, listens
from support.server import until

PASSWORD = "it's a %40 pass:word/"
PLACES = "/usr/sbin:/usr/local/sbin:/usr/libexec"


@contextlib.contextmanager
def mariadb(fill: str) -> Iterator[dict[str, str]]:
    """A database after some SQL, a statement a line: the settings of the datastore that it is. PASSWORD opens it."""
    program = shutil.which("mariadbd") or shutil.which("mariadbd", path=PLACES)
    installer = shutil.which("mariadb-install-db")
    if program is None or installer is None:
        pytest.skip("no MariaDB on this machine")
    with tempfile.TemporaryDirectory(prefix="amlet-my-", dir="/tmp") as name:  # short: a socket lies in it
        folder, port = Path(name), free_port()
        data = f"--datadir={folder}/data"
        given = [data, f"--user={getpass.getuser()}", "--skip-test-db", "--auth-root-authentication-method=normal"]
        subprocess.run([installer, "--no-defaults", *given], check=True, capture_output=True)
        (folder / "fill.sql").write_text(
            "CREATE DATABASE shop CHARACTER SET utf8mb4;\n"
            f"CREATE USER 'reader'@'%' IDENTIFIED BY '{PASSWORD.replace(chr(39), chr(39) * 2)}';\n"
            "GRANT ALL ON shop.* TO 'reader'@'%';\n"
            "USE shop;\n" + fill.strip() + "\n"
        )
        arguments = [data, f"--user={getpass.getuser()}", f"--port={port}", "--bind-address=127.0.0.1"]
        arguments += [f"--socket={folder}/s", f"--init-file={folder}/fill.sql", "--innodb-buffer-pool-size=16M"]
        arguments += ["--character-set-server=utf8mb4", "--skip-log-bin"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen([program, "--no-defaults", *arguments], stdout=log, stderr=log)
        try:
            until(lambda: listens(port), what="MariaDB")
            yield {
                "server_name": "127.0.0.1",
                "port_number": str(port),
                "database_name": "shop",
                "user_id": "reader",
            }
        finally:
            process.terminate()
            process.wait(30)

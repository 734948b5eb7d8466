"""What the drivers of databases are told, and what is made of their words."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from amlet.base.errors import AmletError, DatastoreFailed, InvalidInput
from amlet.datastores.sql import SqlDatabase, options_of, url_of
from amlet.domain.data import AZURE_SQL, MYSQL, POSTGRESQL

HARD = "p@ss:w/rd%20 ü"


@pytest.mark.parametrize(
    ("kind", "server", "told", "rendered"),
    [
        (AZURE_SQL, "shop", {}, "mssql+pymssql://me:***@shop.database.windows.net:1433/sales"),
        (AZURE_SQL, "shop", {"endpoint": "database.chinacloudapi.cn"}, "shop.database.chinacloudapi.cn:1433/sales"),
        (MYSQL, "shop", {"port_number": "3307"}, "mysql+pymysql://me:***@shop.mysql.database.azure.com:3307/sales"),
        (MYSQL, "db.example.org", {}, "@db.example.org:3306/sales"),
        (POSTGRESQL, "localhost", {}, "postgresql+psycopg://me:***@localhost:5432/sales"),
        (POSTGRESQL, "/run/pg", {}, "postgresql+psycopg://me:***@:5432/sales?host=%2Frun%2Fpg"),
    ],
)
def test_a_server_is_azures_own_by_its_short_name(kind: str, server: str, told: dict[str, str], rendered: str) -> None:
    settings = {"server_name": server, "database_name": "sales", "username": "me", **told}
    url = url_of(kind, settings, {"password": HARD})
    assert url.render_as_string().endswith(rendered)
    assert url.password == HARD and HARD not in repr(url)


def test_what_azure_serves_is_encrypted_and_every_call_has_an_end() -> None:
    azures, own = ({"server_name": name, "database_name": "d"} for name in ("shop", "db.example.org"))
    told = options_of(MYSQL, azures, 30.0)
    assert isinstance(told["ssl"], ssl.SSLContext) and told["ssl"].check_hostname
    assert "ssl" not in options_of(MYSQL, own, 30.0)
    assert options_of(POSTGRESQL, own, 30.0)["sslmode"] == "require"
    assert options_of(POSTGRESQL, {**own, "enforce_ssl": "false"}, 30.0)["sslmode"] == "prefer"
    assert options_of(AZURE_SQL, azures, 0.5) == {"login_timeout": 15, "timeout": 1}


def said(kind: type[DBAPIError], *arguments: Any) -> DBAPIError:
    """As SQLAlchemy tells what a driver raised."""
    return kind("SELECT 1", None, Exception(*arguments))


NO_SERVER = b"DB-Lib error message 20009, severity 9:\nUnable to connect: Adaptive Server is unavailable (h)\n"
NO_LOGIN = b"Login failed for user 'me'.DB-Lib error message 20018, severity 14:\nGeneral SQL Server error\n"


@pytest.mark.parametrize(
    ("kind", "raised", "error", "words"),
    [
        (
            AZURE_SQL,
            said(OperationalError, (20009, NO_SERVER)),
            DatastoreFailed,
            "reached: Unable to connect: Adaptive Server",
        ),
        (AZURE_SQL, said(OperationalError, (18456, NO_LOGIN)), InvalidInput, "let us in: Login failed for user 'me'."),
        (AZURE_SQL, said(OperationalError, (20003, b"Connection timed out")), InvalidInput, "took too long"),
        (
            AZURE_SQL,
            said(ProgrammingError, (208, b"Invalid object name 'x'.DB-Lib error message 1, severity 16:\n")),
            InvalidInput,
            "Invalid object",
        ),
        (MYSQL, said(OperationalError, 1040, "Too many connections"), DatastoreFailed, "reached: Too many connections"),
        (MYSQL, said(OperationalError, 2006, "gone away"), DatastoreFailed, "cannot be reached: gone away"),
        (MYSQL, said(OperationalError, 3024, "maximum statement execution time"), InvalidInput, "took too long"),
        (
            MYSQL,
            said(OperationalError, 1054, "Unknown column 'x'"),
            InvalidInput,
            "refuses the query: Unknown column 'x'",
        ),
        (MYSQL, said(OperationalError, 1045, f"Access denied: {HARD}"), InvalidInput, r"denied: \*\*\*\n"),
    ],
)
def test_the_words_of_drivers_become_one_sentence(kind: str, raised: Any, error: type[AmletError], words: str) -> None:
    database = SqlDatabase(kind, {"server_name": "h.x", "database_name": "d"}, {"password": HARD})
    with pytest.raises(error, match=words) as told:
        raise database._told(raised)
    assert "DB-Lib" not in told.value.message

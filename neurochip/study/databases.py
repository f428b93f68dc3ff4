"""Databases that Optuna takes by URL: their names without passwords, and what their errors mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from neurochip.errors import StudyError

#: How the URL of an SQLite file begins.
SQLITE = "sqlite:///"
#: Seconds that SQLite waits for another writer, such as a reader's short lock.
_PATIENCE = 30
#: Seconds in which a database server must answer.
CONNECT = 10
#: Drivers that call this connect_timeout.
_CONNECTING = frozenset(
    "postgresql postgresql+psycopg2 postgresql+psycopg mysql mysql+mysqldb mysql+pymysql".split()
)
#: What pip calls a driver that Python calls otherwise.
_PACKAGES = {
    "MySQLdb": "mysqlclient",
    "mysql": "mysql-connector-python",
    "psycopg": "'psycopg[binary]'",
    "psycopg2": "psycopg2-binary",
}
#: What SQLite says of a file that it can't make sense of.
_DAMAGED = ("not a database", "malformed", "no such column", "no such table")
#: A password ends at the last @: one that isn't quoted may hold others.
_PASSWORD = re.compile(r"(://[^:/@]*):([^@]*@(?:\S*@)?)")
_IN_QUERY = re.compile(r"(?i)(\b\w*(?:passw|pwd)\w*=)[^&]*")


def shown(text: str) -> str:
    """A URL, or a text with one, without its password."""
    return _IN_QUERY.sub(r"\1***", _PASSWORD.sub(r"\1:***@", text))


def patience(url: str) -> dict[str, int]:
    """How long a driver waits, in its own words; others wait as long as they do by themselves."""
    kind = url.split(":")[0]
    if kind.split("+")[0] == "sqlite":
        return {"timeout": _PATIENCE}
    return {"connect_timeout": CONNECT} if kind in _CONNECTING else {}


def check_url(url: str) -> None:
    """Refuse what is no URL before a database is looked for.

    Raises:
        StudyError: its port isn't a number.
    """
    from sqlalchemy.engine import make_url

    with blamed(url, "opened"):
        try:
            make_url(url)
        except ValueError:
            raise StudyError(_elsewhere(url, "opened", "its port is not a number")) from None


@contextmanager
def blamed(url: str, what: str) -> Iterator[None]:
    """Turn what a database or its driver raises into one sentence."""
    from optuna.exceptions import OptunaError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (OptunaError, SQLAlchemyError, ImportError, OSError) as error:
        raise StudyError(sentence(url, what, error)) from None


def sentence(url: str, what: str, error: BaseException) -> str:
    """What happened to a database, why, and what to do.

    Args:
        url: of the database.
        what: can't be done: "opened", "read" or "written".
        error: that was raised.
    """
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    told = " ".join(str(getattr(cause, "orig", None) or cause).split())
    reason = _without_secrets(told, url)[:200].rstrip(". ")
    if isinstance(cause, ModuleNotFoundError):
        driver = cause.name or ""
        return (
            f"{_said(url, what, reason)}; install that driver with pip install "
            f"{_PACKAGES.get(driver, driver)}, or give a path as --storage, which needs none"
        )
    if any(words in reason for words in _DAMAGED):
        return (
            f"{_said(url, what, reason)}; it is damaged, or no study's database: put a copy of it "
            f"back, or start a new study with another --storage"
        )
    if not url.startswith(SQLITE):
        return _elsewhere(url, what, reason)
    return (
        f"{_said(url, what, reason)}; check that it is there, that there is room and that you may "
        f"write, then run the same command again: nothing is lost"
    )


def _said(url: str, what: str, reason: str) -> str:
    return f"database {shown(url)} can't be {what} ({reason})"


def _elsewhere(url: str, what: str, reason: str) -> str:
    return (
        f"{_said(url, what, reason)}; check that its server runs, that name, port, user and "
        f"password in the URL are right and that this machine can reach it, then run the same "
        f"command again: nothing is lost"
    )


def _without_secrets(reason: str, url: str) -> str:
    """A driver takes the end of a password with an @ for the start of its host."""
    found = _PASSWORD.search(url)
    secret = "" if found is None else found.group(2)
    while secret:
        reason = reason.replace(secret, "***@")
        secret = secret.partition("@")[2]
    return shown(reason)

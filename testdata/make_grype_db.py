#!/usr/bin/env python3
"""Make a small grype v6 database from grype-db/advisories.toml: `make_grype_db.py OUTPUT.tar.gz`.

The archive has the tables that carry data; `grype db import` adds the other tables and the indexes, as for the published one.
Same input, same bytes. Schema: grype/db/v6/models.go and blobs.go of grype 0.117 (model 6, revision 1, addition 9).
"""

import gzip
import io
import json
import sqlite3
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
BUILT = "2026-11-20 00:00:00+00:00"
EPOCH = 1795132800
SCHEMA = """
CREATE TABLE db_metadata (build_timestamp datetime NOT NULL, model integer NOT NULL, revision integer NOT NULL,
  addition integer NOT NULL);
CREATE TABLE blobs (id integer PRIMARY KEY AUTOINCREMENT, value text NOT NULL);
CREATE TABLE providers (id text, version text, processor text, date_captured datetime, input_digest text, PRIMARY KEY (id));
CREATE TABLE vulnerability_handles (id integer PRIMARY KEY AUTOINCREMENT, name text NOT NULL, status text NOT NULL,
  published_date datetime, modified_date datetime, withdrawn_date datetime, provider_id text NOT NULL, blob_id integer,
  CONSTRAINT fk_vulnerability_handles_provider FOREIGN KEY (provider_id) REFERENCES providers(id));
CREATE TABLE vulnerability_aliases (name text, alias text NOT NULL, PRIMARY KEY (name, alias));
CREATE TABLE operating_systems (id integer PRIMARY KEY AUTOINCREMENT, name text, release_id text, major_version text,
  minor_version text, label_version text, codename text, channel text, eol_date datetime, eoas_date datetime);
CREATE TABLE packages (id integer PRIMARY KEY AUTOINCREMENT, ecosystem text, name text);
CREATE TABLE affected_package_handles (id integer PRIMARY KEY AUTOINCREMENT, vulnerability_id integer NOT NULL,
  operating_system_id integer, package_id integer, blob_id integer,
  CONSTRAINT fk_affected_package_handles_operating_system FOREIGN KEY (operating_system_id) REFERENCES operating_systems(id),
  CONSTRAINT fk_affected_package_handles_package FOREIGN KEY (package_id) REFERENCES packages(id),
  CONSTRAINT fk_affected_package_handles_vulnerability FOREIGN KEY (vulnerability_id) REFERENCES vulnerability_handles(id));
CREATE TABLE epss_handles (id integer PRIMARY KEY AUTOINCREMENT, cve text NOT NULL, epss real NOT NULL, percentile real NOT NULL);
CREATE TABLE epss_metadata (date datetime NOT NULL);
"""


def fill(database: sqlite3.Connection, advisories: list[dict[str, Any]]) -> None:
    """Write the advisories."""
    database.executescript(SCHEMA)
    database.execute("INSERT INTO db_metadata VALUES (?, 6, 1, 9)", (BUILT,))
    database.execute("INSERT INTO epss_metadata VALUES (?)", (BUILT,))
    for provider in ("debian", "github"):
        database.execute("INSERT INTO providers VALUES (?, '1', 'make_grype_db.py', ?, '')", (provider, BUILT))
    database.execute("INSERT INTO operating_systems VALUES (1, 'debian', 'debian', '12', '', '', 'bookworm', '', NULL, NULL)")

    def insert(sql: str, *values: object) -> int:
        row = database.execute(sql, values).lastrowid
        if row is None:
            raise RuntimeError(sql)
        return row

    packages: dict[tuple[str, str], int] = {}
    for item in advisories:
        debian = "distro" in item
        provider, ecosystem = ("debian", "deb") if debian else ("github", "python")
        severities: list[dict[str, Any]] = [{"scheme": "CHMLN" if debian else "CHML", "value": item["severity"], "rank": 1}]
        if item["cvss"]:
            vector = {"vector": item["cvss"], "version": item["cvss"].removeprefix("CVSS:")[:3]}
            severities.append({"scheme": "CVSS", "value": vector, "source": "nvd@nist.gov", "rank": 2})
        where = "https://security-tracker.debian.org/tracker/" if debian else "https://github.com/advisories/"
        about = {
            "id": item["id"],
            "description": item["summary"],
            "refs": [{"url": where + item["id"]}],
            "aliases": [item["cve"]] if item["cve"] != item["id"] else [],
            "severities": severities,
        }
        blob = insert("INSERT INTO blobs (value) VALUES (?)", json.dumps(about))
        published = item["published"] + " 00:00:00+00:00"
        handle = insert(
            "INSERT INTO vulnerability_handles (name, status, published_date, modified_date, provider_id, blob_id)"
            " VALUES (?,?,?,?,?,?)",
            item["id"], "active", published, published, provider, blob,
        )  # fmt: skip
        if item["cve"] != item["id"]:
            database.execute("INSERT INTO vulnerability_aliases VALUES (?, ?)", (item["id"], item["cve"]))
        key = (ecosystem, item["package"])
        if key not in packages:
            packages[key] = insert("INSERT INTO packages (ecosystem, name) VALUES (?, ?)", *key)
        fix: dict[str, Any] = {"version": item["fixed"], "state": item.get("state", "fixed")}
        if "fixed_on" in item:
            fix["detail"] = {"available": {"date": item["fixed_on"], "kind": "advisory"}}
        affected = {
            "cves": [item["cve"]],
            "ranges": [{"version": {"type": "dpkg" if debian else "python", "constraint": item["range"]}, "fix": fix}],
        }
        blob = insert("INSERT INTO blobs (value) VALUES (?)", json.dumps(affected))
        system = 1 if debian else None
        insert(
            "INSERT INTO affected_package_handles (vulnerability_id, operating_system_id, package_id, blob_id) VALUES (?,?,?,?)",
            handle, system, packages[key], blob,
        )  # fmt: skip
        insert("INSERT INTO epss_handles (cve, epss, percentile) VALUES (?,?,?)", item["cve"], *item["epss"])


def archive(advisories: list[dict[str, Any]]) -> bytes:
    """The database as `grype db import` takes it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vulnerability.db"
        database = sqlite3.connect(path)
        with database:
            fill(database, advisories)
        database.close()
        data = path.read_bytes()
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        info = tarfile.TarInfo("vulnerability.db")
        info.size, info.mtime = len(data), EPOCH
        tar.addfile(info, io.BytesIO(data))
    return gzip.compress(target.getvalue(), mtime=0)


def read() -> list[dict[str, Any]]:
    """The advisories of advisories.toml."""
    advisories: list[dict[str, Any]] = tomllib.loads((HERE / "grype-db" / "advisories.toml").read_text())["advisory"]
    return advisories


def main() -> None:
    """Write the archive named on the command line."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: make_grype_db.py OUTPUT.tar.gz")
    Path(sys.argv[1]).write_bytes(archive(read()))


if __name__ == "__main__":
    main()

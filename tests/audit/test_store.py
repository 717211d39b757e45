"""The store: what is entered is found, checked and replayable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gate.audit.store import KINDS, Store
from gate.errors import StoreError, UsageError
from gate.limits import Limits
from gate.model.base import digest_of, to_json
from tests.audit.verdicts import SUBJECT, fill, make_verdict


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def edit_index(store: Store, change: dict[str, Any]) -> None:
    """Change annotations of the first entry, as another hand would."""
    path = store.path / "index.json"
    index = json.loads(path.read_bytes())
    index["manifests"][0]["annotations"] |= change
    path.write_text(json.dumps(index))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_put_comes_back(store: Store, kind: Any) -> None:
    """Each kind is kept under the digest of its bytes, the empty document too."""
    for data in (b"", b"x", b"\x00" * 100_000):
        digest = store.put(kind, data)
        assert digest == digest_of(data)
        assert store.get(digest) == data


def test_an_unknown_kind_is_refused(store: Store) -> None:
    """A kind outside the list is an error, in `put` and in a verdict's references."""
    with pytest.raises(StoreError, match="not a kind"):
        store.put("secrets", b"")  # type: ignore[arg-type]  # the point of the test
    data, digest, refs = fill(store)
    with pytest.raises(StoreError, match="not a kind"):
        store.commit_verdict(data, digest, {**refs, "secrets": ()})  # type: ignore[dict-item]  # the point of the test


def test_what_could_not_be_read_back_is_not_kept(tmp_path: Path) -> None:
    """A document over the bound is refused when it is put, not years later."""
    store = Store(tmp_path / "s", Limits(engine_output_bytes=10, document_bytes=10))
    store.put("evidence", b"x" * 10)
    with pytest.raises(StoreError, match="larger than"):
        store.put("evidence", b"x" * 11)


def test_a_committed_verdict_is_found_and_loads(store: Store) -> None:
    """By verdict, outcome, subject and manifest digest, whole or the beginning, with and without ``sha256:``."""
    data, digest, refs = fill(store)
    record = store.commit_verdict(data, digest, refs)
    assert (record.verdict, record.outcome, record.subject) == (digest_of(data), digest, SUBJECT)
    assert (record.decision, record.name, record.time) == ("ALLOW", "registry.example/app", "2026-11-23T09:00:00Z")
    for value in (record.verdict, record.outcome, record.subject, record.manifest):
        for text in (value, value[:13], value.removeprefix("sha256:"), value[7:13]):
            assert store.find(text) == (record,)
    loaded = store.load(record)
    assert loaded.data == data
    assert loaded.refs == refs
    assert Store(store.path).find(digest) == (record,)


def test_nothing_is_found_where_nothing_is(store: Store) -> None:
    """A store that does not exist yet has no verdicts; asking does not make it."""
    assert store.find("a" * 64) == ()
    assert list(store.verdicts()) == []
    assert not store.path.exists()


@pytest.mark.parametrize(
    "text", ["", "abc", "sha256:", "sha256:abc", "xyzxyz", "../../etc", "ABCDEF", "sha512:" + "a" * 64, "a" * 65]
)
def test_what_is_no_digest_is_not_searched(store: Store, text: str) -> None:
    """Fewer than six hex digits and anything else is the caller's mistake."""
    with pytest.raises(UsageError, match="not a digest"):
        store.find(text)


def test_the_same_verdict_twice_is_one(store: Store) -> None:
    """Committing again changes no byte of the index."""
    first = store.commit_verdict(*fill(store))
    before = (store.path / "index.json").read_bytes()
    assert store.commit_verdict(*fill(store)) == first
    assert (store.path / "index.json").read_bytes() == before


def test_runs_with_one_outcome_are_all_kept_newest_first(store: Store) -> None:
    """Two runs that reached the same outcome are two verdicts."""
    _, _, refs = fill(store)
    records = []
    for started in ("1", "2"):
        data, digest = make_verdict(refs["input"][0], started=started)
        records.append(store.commit_verdict(data, digest, refs))
    assert list(store.verdicts()) == records
    assert store.find(digest) == tuple(reversed(records))


def test_a_long_list_is_kept_in_pages(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Order, search and idempotence hold across pages, and index.json stays short."""
    monkeypatch.setattr("gate.audit.store.PAGE", 3)
    records = [store.commit_verdict(*fill(store, str(number))) for number in range(11)]
    assert list(store.verdicts()) == records
    assert store.find(SUBJECT) == tuple(reversed(records))
    assert [store.find(record.verdict) for record in records] == [(record,) for record in records]
    assert all(store.load(record).data for record in records)
    before = (store.path / "index.json").read_bytes()
    assert [store.commit_verdict(*fill(store, str(number))) for number in range(11)] == records
    assert (store.path / "index.json").read_bytes() == before
    assert len(json.loads(before)["manifests"]) == 2 + 3


def test_a_changed_page_is_noticed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page is a blob: a verdict cannot be taken out of it."""
    monkeypatch.setattr("gate.audit.store.PAGE", 1)
    for number in range(2):
        store.commit_verdict(*fill(store, str(number)))
    [page] = json.loads((store.path / "index.json").read_bytes())["manifests"]
    blob = store.path / "blobs/sha256" / page["digest"][7:]
    blob.write_bytes(blob.read_bytes().replace(b"ALLOW", b"DENYY"))
    with pytest.raises(StoreError, match="was changed"):
        list(store.verdicts())


def test_a_manifest_that_a_killed_writer_left_is_entered(store: Store) -> None:
    """A manifest that was written and never listed does not count as listed."""
    prepared = fill(store)
    empty = (store.path / "index.json").read_bytes()
    record = store.commit_verdict(*prepared)
    (store.path / "index.json").write_bytes(empty)
    assert store.commit_verdict(*prepared) == record
    assert list(store.verdicts()) == [record]


def test_a_reference_may_be_one_digest(store: Store) -> None:
    """A lone digest needs no tuple."""
    data, digest, refs = fill(store)
    assert store.load(store.commit_verdict(data, digest, {"input": refs["input"][0]})).refs["input"] == refs["input"]


def test_a_verdict_without_its_input_is_refused(store: Store) -> None:
    """It could not be replayed; nothing is entered."""
    data, digest, refs = fill(store)
    other = store.put("input", b"another")
    for wrong in ({}, {**refs, "input": ()}, {**refs, "input": other}, {"evidence": refs["input"]}):
        with pytest.raises(StoreError, match="input document"):
            store.commit_verdict(data, digest, wrong)  # type: ignore[arg-type]  # dicts of mixed shape
    assert list(store.verdicts()) == []


def test_a_reference_that_was_never_put_is_refused(store: Store) -> None:
    """A verdict's evidence is on the disk before the verdict is entered."""
    data, digest, refs = fill(store)
    with pytest.raises(StoreError, match="was not put"):
        store.commit_verdict(data, digest, {**refs, "evidence": "sha256:" + "0" * 64})
    with pytest.raises(StoreError, match="not a SHA-256 digest"):
        store.commit_verdict(data, digest, {**refs, "evidence": "sha256:../../../../etc/passwd"})
    assert list(store.verdicts()) == []


def test_a_verdict_is_no_reference(store: Store) -> None:
    """Only the verdict itself may be named under its kind."""
    data, digest, refs = fill(store)
    with pytest.raises(StoreError, match="another verdict"):
        store.commit_verdict(data, digest, {**refs, "verdict": refs["input"]})
    assert store.commit_verdict(data, digest, {**refs, "verdict": digest_of(data)}).verdict == digest_of(data)


def test_the_outcome_digest_must_be_true(store: Store) -> None:
    """The caller's digest, the one in the document and the one of the bytes are the same."""
    data, digest, refs = fill(store)
    document = json.loads(data)
    lying = to_json({**document, "outcome_digest": SUBJECT})
    changed = to_json({**document, "outcome": {**document["outcome"], "decision": "DENY"}})
    for wrong in ((data, SUBJECT), (lying, SUBJECT), (lying, digest), (changed, digest)):
        with pytest.raises(StoreError, match="the outcome has the digest"):
            store.commit_verdict(*wrong, refs)


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"schema":"gate.verdict/v1"}'])
def test_what_is_no_verdict_is_not_committed(store: Store, data: bytes) -> None:
    """Foreign bytes are a StoreError."""
    with pytest.raises(StoreError, match="not a verdict"):
        store.commit_verdict(data, SUBJECT, {})


def test_another_schema_is_refused(store: Store) -> None:
    """A verdict of a later version is not stored under this one's name."""
    data, digest, refs = fill(store)
    with pytest.raises(StoreError, match=r"gate\.verdict/v9"):
        store.commit_verdict(data.replace(b"verdict/v1", b"verdict/v9"), digest, refs)


def test_annotations_go_into_the_manifest(store: Store) -> None:
    """What is said of a document when it is put stands in its descriptor."""
    data, digest, refs = fill(store)
    extra = store.put("evidence", b"late", {"org.opencontainers.image.title": "late.json"})
    record = store.commit_verdict(data, digest, {**refs, "evidence": extra})
    layers = json.loads(store.get(record.manifest))["layers"]
    assert [layer.get("annotations") for layer in layers if layer["digest"] == extra] == [
        {"org.opencontainers.image.title": "late.json"}
    ]


def test_the_folder_is_an_oci_image_layout(store: Store) -> None:
    """oci-layout, index and manifest have the members of the OCI specifications, and every size and digest is true."""
    store.commit_verdict(*fill(store))
    assert json.loads((store.path / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads((store.path / "index.json").read_bytes())
    assert (index["schemaVersion"], index["mediaType"]) == (2, "application/vnd.oci.image.index.v1+json")
    [entry] = index["manifests"]
    manifest = json.loads((store.path / "blobs/sha256" / entry["digest"][7:]).read_bytes())
    assert manifest["artifactType"] == entry["artifactType"] == "application/vnd.policy-gate.verdict.v1+json"
    for descriptor in [entry, manifest["config"], *manifest["layers"]]:
        blob = (store.path / "blobs/sha256" / descriptor["digest"][7:]).read_bytes()
        assert (len(blob), digest_of(blob)) == (descriptor["size"], descriptor["digest"])


def test_manifests_of_others_are_kept_and_passed_over(store: Store) -> None:
    """What another tool entered into the index survives and is no verdict."""
    store.put("evidence", b"")
    foreign = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": SUBJECT, "size": 1, "data": "e30="}
    path = store.path / "index.json"
    path.write_text(json.dumps({"schemaVersion": 2, "manifests": [foreign], "annotations": {"a": "b"}}))
    record = store.commit_verdict(*fill(store))
    index = json.loads(path.read_bytes())
    assert index["manifests"][0] == foreign
    assert index["annotations"] == {"a": "b"}
    assert list(store.verdicts()) == [record]


@pytest.mark.parametrize("field", ["verdict", "outcome", "subject", "decision", "name", "time"])
def test_a_changed_index_is_noticed(store: Store, field: str) -> None:
    """The index cannot say of a verdict what the verdict does not say."""
    store.commit_verdict(*fill(store))
    edit_index(store, {f"io.policy-gate.{field}": SUBJECT[:-1] + "0"})
    [record] = store.verdicts()
    with pytest.raises(StoreError):
        store.load(record)


def test_an_index_entry_without_our_annotations_is_damage(store: Store) -> None:
    """A verdict that cannot be named is reported, not skipped."""
    store.commit_verdict(*fill(store))
    path = store.path / "index.json"
    path.write_bytes(path.read_bytes().replace(b"io.policy-gate.outcome", b"io.policy-gate.outcomx"))
    with pytest.raises(StoreError, match="damaged"):
        list(store.verdicts())


def test_any_changed_byte_is_noticed(store: Store) -> None:
    """Each blob of a verdict, flipped, longer or shorter, ends in StoreError with both digests."""
    record = store.commit_verdict(*fill(store))
    for blob in sorted((store.path / "blobs/sha256").iterdir()):
        good = blob.read_bytes()
        for bad in (good[:-1], good + b" ", bytes([good[0] ^ 1]) + good[1:]):
            blob.write_bytes(bad)
            with pytest.raises(StoreError, match="was changed") as caught:
                store.get(f"sha256:{blob.name}")
            assert digest_of(bad) in str(caught.value)
        if f"sha256:{blob.name}" in (record.manifest, record.verdict):
            with pytest.raises(StoreError, match="was changed"):
                store.load(record)
        blob.write_bytes(good)
    assert digest_of(store.load(record).data) == record.verdict

"""Matching products with the image, and VEX packages with packages of findings."""

from __future__ import annotations

import pytest

from gate.vex.match import Image, Scope, match_package
from gate.vex.openvex import VexComponent
from gate.vex.purl import parse
from tests.factory import CONFIG, DIGEST, INDEX, OTHER, subject

HEX = "a" * 64
HUB = Image.of(subject(name="docker.io/library/nginx", reference="nginx:1.25"))
ECR = Image.of(subject(name="public.ecr.aws/team/app", reference="public.ecr.aws/team/app:2"))


def _scope(image: Image, text: str) -> Scope | None:
    return image.matches(VexComponent((text,)))


@pytest.mark.parametrize(
    "text",
    [
        DIGEST,
        HEX,
        DIGEST.upper().replace("SHA256", "sha256"),
        f"public.ecr.aws/team/app@{DIGEST}",
        f"pkg:oci/app@{DIGEST}",
        f"pkg:oci/app@sha256%3A{HEX}?repository_url=public.ecr.aws%2Fteam%2Fapp",
        f"pkg:oci/renamed@{DIGEST}?repository_url=mirror.example/x&tag=9&arch=s390x",
        f"pkg:docker/team/app@{DIGEST}",
        f"pkg:oci/app@{INDEX}",
        f"pkg:oci/app@{CONFIG}",
    ],
)
def test_every_spelling_of_the_digest_is_exact(text: str) -> None:
    """A digest names the content, so everything around it is only decoration."""
    assert _scope(ECR, text) is Scope.DIGEST


def test_a_hash_alone_is_exact() -> None:
    """A product may be named by its hash; only sha256 is compared with the digest."""
    assert ECR.matches(VexComponent((), (("sha256", HEX),))) is Scope.DIGEST
    assert ECR.matches(VexComponent((), (("md5", HEX),))) is None


@pytest.mark.parametrize(
    "name", ["pkg:oci/app", "public.ecr.aws/team/app:2", "pkg:oci/app?repository_url=public.ecr.aws/team/app"]
)
@pytest.mark.parametrize(
    ("digests", "hashes", "expected"),
    [
        ((), (), Scope.UNVERSIONED),
        ((), (("sha256", OTHER[7:]),), None),
        ((), (("sha256", OTHER[7:]), ("sha256", HEX)), Scope.DIGEST),
        ((f"pkg:oci/app@{OTHER}",), (), None),
        ((f"public.ecr.aws/team/app@{OTHER}",), (), None),
        ((OTHER,), (), None),
        ((f"pkg:oci/app@{OTHER}", f"pkg:oci/app@{INDEX}"), (), Scope.DIGEST),
        ((), (("md5", OTHER[7:39]),), Scope.UNVERSIONED),
    ],
)
def test_a_name_beside_another_digest_is_another_image(
    name: str, digests: tuple[str, ...], hashes: tuple[tuple[str, str], ...], expected: Scope | None
) -> None:
    """A statement about yesterday's content does not hold for today's because both have one name."""
    for ids in ((name, *digests), (*digests, name)):
        assert ECR.matches(VexComponent(ids, hashes)) is expected


@pytest.mark.parametrize(
    "text",
    [
        OTHER,
        f"pkg:oci/app@{OTHER}",
        f"pkg:oci/app@{OTHER}?repository_url=public.ecr.aws/team/app",
        "pkg:oci/other",
        "pkg:oci/team/other",
        "pkg:oci/app?repository_url=ghcr.io/team/app",
        "pkg:oci/app?repository_url=public.ecr.aws/elsewhere/app",
        "pkg:oci/app?repository_url=public.ecr.aws",
        "pkg:oci/app?tag=3",
        "pkg:oci/app@3",
        "pkg:oci/app?arch=arm64",
        "pkg:oci/app?flavour=slim",
        "pkg:docker/team/app",
        "public.ecr.aws/team/app:3",
        "app",
        "cpe:2.3:a:x:y:1:*:*:*:*:*:*:*",
    ],
)
def test_other_images_do_not_match(text: str) -> None:
    """Another digest, name, registry, tag or platform is another image; so is a constraint that cannot be checked."""
    assert _scope(ECR, text) is None


@pytest.mark.parametrize(
    "text",
    [
        "pkg:oci/app",
        "pkg:oci/team%2Fapp",
        "pkg:oci/app?repository_url=public.ecr.aws%2Fteam%2Fapp",
        "pkg:oci/app?repository_url=public.ecr.aws/team",
        "pkg:oci/app?repository_url=public.ecr.aws/team/app&tag=2&arch=amd64&os=linux",
        "public.ecr.aws/team/app",
        "public.ecr.aws/team/app:2",
    ],
)
def test_names_match_at_the_lowest_rank(text: str) -> None:
    """A name without digest matches as unversioned, with the image name inside or outside repository_url."""
    assert _scope(ECR, text) is Scope.UNVERSIONED


@pytest.mark.parametrize(
    "text",
    [
        "pkg:oci/nginx?repository_url=index.docker.io/library/nginx",
        "pkg:oci/nginx?repository_url=docker.io/library",
        "pkg:oci/nginx?repository_url=docker.io/nginx",
        "pkg:docker/nginx",
        "pkg:docker/library/nginx@1.25",
        "nginx:1.25",
        "docker.io/nginx:1.25",
        "index.docker.io/nginx",
        "docker.io/library/nginx:1.25",
    ],
)
def test_docker_hub_has_many_names(text: str) -> None:
    """docker.io, index.docker.io and the library namespace are one place."""
    assert _scope(HUB, text) is Scope.UNVERSIONED


@pytest.mark.parametrize("name", ["nginx", "./nginx", "/tmp/nginx", "layout", ".hidden/nginx", "dist/nginx"])
def test_files_have_no_registry_name(name: str) -> None:
    """A layout or archive that happens to be called like an image is matched by digest only."""
    image = Image.of(subject(name=name, reference=name, kind="archive"))
    assert _scope(image, "pkg:oci/nginx") is None
    assert _scope(image, f"pkg:oci/nginx@{DIGEST}") is Scope.DIGEST


FOUND = "pkg:deb/debian/openssl@3.0.11-1?arch=amd64&distro=debian-12.13&upstream=x"


@pytest.mark.parametrize(
    ("vex", "found", "expected"),
    [
        ("pkg:deb/debian/openssl@3.0.11-1", FOUND, Scope.VERSIONED),
        ("pkg:deb/debian/openssl", FOUND, Scope.UNVERSIONED),
        ("pkg:deb/debian/openssl@3.0.12-1", FOUND, None),
        ("pkg:deb/ubuntu/openssl@3.0.11-1", FOUND, None),
        ("pkg:deb/openssl@3.0.11-1", FOUND, None),
        ("pkg:deb/debian/openssl@3.0.11-1?distro=debian-12", FOUND, Scope.VERSIONED),
        ("pkg:deb/debian/openssl@3.0.11-1?distro=debian-1", FOUND, None),
        ("pkg:deb/debian/openssl@3.0.11-1?distro=debian-12.1", FOUND, None),
        ("pkg:deb/debian/openssl@3.0.11-1?distro=debian-13", FOUND, None),
        ("pkg:deb/debian/openssl?os_name=debian&os_version=12&os_distro=bookworm", FOUND, Scope.UNVERSIONED),
        ("pkg:deb/debian/openssl?os_name=debian&os_version=13&os_distro=trixie", FOUND, None),
        ("pkg:deb/debian/openssl?os_distro=bookworm", FOUND, None),
        ("pkg:deb/debian/openssl@3.0.11-1?upstream=other&package-id=1", FOUND, Scope.VERSIONED),
        ("pkg:deb/debian/openssl@3.0.11-1?arch=arm64", FOUND, None),
        ("pkg:deb/debian/openssl@3.0.11-1?arch=x86_64", FOUND, Scope.VERSIONED),
        ("pkg:deb/debian/openssl@3.0.11-1?vcs_url=x", FOUND, None),
        ("pkg:deb/debian/a@1?distro=debian-12", "pkg:deb/debian/a@1", Scope.VERSIONED),
        ("pkg:deb/debian/a?distro=debian-12", "pkg:deb/debian/a@1", None),
        ("pkg:deb/debian/a?arch=amd64", "pkg:deb/debian/a@1", Scope.UNVERSIONED),
        ("pkg:deb/debian/a?arch=arm64", "pkg:deb/debian/a@1", None),
        ("pkg:apk/alpine/a@1?distro=3.11.3", "pkg:apk/alpine/a@1?distro=alpine-3.11.3", Scope.VERSIONED),
        ("pkg:rpm/rhel/a@1?distro=rhel-8.7", "pkg:rpm/redhat/a@1?distro=redhat-8.7", Scope.VERSIONED),
        ("pkg:maven/g/a@1?type=jar", "pkg:maven/g/a@1", Scope.VERSIONED),
        ("pkg:maven/g/a@1?type=pom", "pkg:maven/g/a@1", None),
    ],
)
def test_packages(vex: str, found: str, expected: Scope | None) -> None:
    """Versions are exact, qualifiers are constraints, and distro and arch are compared as the module says."""
    left, right = parse(vex), parse(found)
    assert left is not None
    assert right is not None
    assert match_package(left, right, ECR) is expected


@pytest.mark.parametrize(
    "text",
    [
        "pkg:oci/app?repository_url=docker.io/acmelibrary",
        "pkg:oci/app?repository_url=docker.io/library/acme",
        "pkg:oci/app?repository_url=docker.io/acme/library",
        "pkg:oci/app?repository_url=docker.io/library",
    ],
)
def test_library_is_a_namespace_of_docker_hub_and_nothing_to_be_cut_off(text: str) -> None:
    """What begins or ends with the word is another repository."""
    assert _scope(Image.of(subject(name="docker.io/acme/app", reference="acme/app:1")), text) is None

"""Packages from OSV ecosystem names (OSV schema, ``affected[].package.ecosystem``), which come without purl."""

from __future__ import annotations

from packageurl import PackageURL

from gate.evidence.vulnerabilities.lenient import Notes
from gate.model.findings import Package

# (purl type, namespace). The suffix after ``:`` is the distribution's release.
_DISTROS = {
    "debian": ("deb", "debian"), "ubuntu": ("deb", "ubuntu"), "echo": ("deb", "echo"),
    "alpine": ("apk", "alpine"), "wolfi": ("apk", "wolfi"), "chainguard": ("apk", "chainguard"), "minimos": ("apk", "minimos"),
    "alpaquita": ("apk", "alpaquita"), "bellsoft hardened containers": ("apk", "bellsoft-hardened-containers"),
    "red hat": ("rpm", "redhat"), "rocky linux": ("rpm", "rocky-linux"), "almalinux": ("rpm", "almalinux"),
    "suse": ("rpm", "suse"), "opensuse": ("rpm", "opensuse"), "mageia": ("rpm", "mageia"), "openeuler": ("rpm", "openeuler"),
    "photon os": ("rpm", "photon"), "azure linux": ("rpm", "azurelinux"),
}  # fmt: skip
_FLAT = {
    "pypi": "pypi", "rubygems": "gem", "nuget": "nuget", "hex": "hex", "pub": "pub", "cran": "cran", "hackage": "hackage",
    "conancenter": "conan", "bitnami": "bitnami", "julia": "julia", "opam": "opam",
}  # fmt: skip
_SLASHED = {
    "go": "golang",
    "npm": "npm",
    "packagist": "composer",
    "swifturl": "swift",
    "github actions": "githubactions",
    "vscode": "vscode-extension",
}


def package_of(ecosystem: str, name: str, version: str, path: str, notes: Notes, where: str) -> Package:
    """The package with a purl made from ecosystem and name; without a purl, and with a diagnostic, for an unknown ecosystem."""
    kind, namespace, short = _parts(ecosystem, name)
    purl = ""
    if kind:
        # OSV writes Go versions without the v that the module has; purls carry it (purl-spec, golang).
        tagged = f"v{version}" if kind == "golang" and version[:1].isdigit() and short != "stdlib" else version
        try:
            purl = PackageURL(kind, namespace or None, short, tagged or None).to_string()
        except (ValueError, TypeError) as error:  # TypeError: a name of nothing but white space or slashes
            notes.add("invalid_purl", f"{name[:100]!r} of {ecosystem[:40]!r} gives no package URL: {error}", where)
    else:
        notes.add("unknown_ecosystem", f"ecosystem {ecosystem[:40]!r} has no package URL type", where)
    return Package(name=name, version=version, type=kind or ecosystem.lower(), purl=purl, locations=(path,) if path else ())


def _parts(ecosystem: str, name: str) -> tuple[str, str, str]:
    """(purl type, namespace, name); the type is empty for an unknown ecosystem."""
    lowered = ecosystem.lower()
    base = lowered.partition(":")[0]
    if base in _DISTROS:
        return (*_DISTROS[base], name)
    if base in _FLAT:
        return (_FLAT[base], "", name)
    if base in _SLASHED:
        namespace, _, short = name.rpartition("/")
        return (_SLASHED[base], namespace, short)
    if base == "maven":
        namespace, _, short = name.rpartition(":")
        return ("maven", namespace, short)
    if base.startswith("crates"):
        return ("cargo", "", name)
    return ("", "", name)

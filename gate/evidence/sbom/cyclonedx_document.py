"""The fields of CycloneDX JSON that the gate reads. What may be an object or a list, or is looked at seldom, stays raw."""

from __future__ import annotations

import msgspec


class Named(msgspec.Struct, gc=False):
    name: str | None = None
    version: str | None = None
    vendor: str | None = None
    email: msgspec.Raw = msgspec.Raw(b"")
    url: msgspec.Raw = msgspec.Raw(b"")
    contact: msgspec.Raw = msgspec.Raw(b"")


class Hash(msgspec.Struct, gc=False):
    alg: str | None = None
    content: str | None = None


class LicenseId(msgspec.Struct, gc=False):
    id: str | None = None
    name: str | None = None
    acknowledgement: msgspec.Raw = msgspec.Raw(b"")


class License(msgspec.Struct, gc=False):
    license: LicenseId | None = None
    expression: str | None = None
    acknowledgement: msgspec.Raw = msgspec.Raw(b"")


class Property(msgspec.Struct, gc=False):
    name: str | None = None
    value: str | None = None


class Component(msgspec.Struct, gc=False):
    type: str | None = None
    name: str | None = None
    group: str | None = None
    version: str | None = None
    purl: str | None = None
    ref: str | None = msgspec.field(default=None, name="bom-ref")
    publisher: str | None = None
    supplier: Named | None = None
    manufacturer: Named | None = None
    hashes: list[Hash] | None = None
    licenses: list[License] | None = None
    components: list[Component] | None = None
    properties: msgspec.Raw = msgspec.Raw(b"")
    crypto: msgspec.Raw = msgspec.field(default=msgspec.Raw(b""), name="cryptoProperties")
    evidence: msgspec.Raw = msgspec.Raw(b"")
    cpe: msgspec.Raw = msgspec.Raw(b"")
    swid: msgspec.Raw = msgspec.Raw(b"")
    authors: msgspec.Raw = msgspec.Raw(b"")
    references: msgspec.Raw = msgspec.field(default=msgspec.Raw(b""), name="externalReferences")


class Service(msgspec.Struct, gc=False):
    ref: str | None = msgspec.field(default=None, name="bom-ref")
    services: list[Service] | None = None


class Dependency(msgspec.Struct, gc=False):
    ref: str | None = None
    depends_on: list[str] | None = msgspec.field(default=None, name="dependsOn")


class Composition(msgspec.Struct, gc=False):
    aggregate: str | None = None
    assemblies: list[str] | None = None
    dependencies: list[str] | None = None


class Lifecycle(msgspec.Struct, gc=False):
    phase: str | None = None
    name: str | None = None


class Metadata(msgspec.Struct, gc=False):
    timestamp: str | None = None
    tools: msgspec.Raw = msgspec.Raw(b"")
    component: Component | None = None
    authors: list[Named] | None = None
    supplier: Named | None = None
    manufacturer: Named | None = None
    manufacture: Named | None = None
    lifecycles: list[Lifecycle] | None = None


class Vulnerability(msgspec.Struct, gc=False):
    pass


class Bom(msgspec.Struct, gc=False):
    format: str | None = msgspec.field(default=None, name="bomFormat")
    spec: str | None = msgspec.field(default=None, name="specVersion")
    serial: str | None = msgspec.field(default=None, name="serialNumber")
    version: int | None = None
    metadata: Metadata | None = None
    components: list[Component] | None = None
    services: list[Service] | None = None
    dependencies: list[Dependency] | None = None
    compositions: list[Composition] | None = None
    vulnerabilities: list[Vulnerability] | None = None


class Tools(msgspec.Struct):
    components: list[Named] | None = None

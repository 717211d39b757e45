"""What programs bring themselves: the families that read programs, wheels and archives, in the order in which they count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gate.evidence.fips import elf_use, python
from gate.evidence.fips.found import Found
from gate.evidence.fips.openssl_view import View
from gate.evidence.fips.owners import Owners
from gate.model.fips import EnvOverride
from gate.model.input import Subject
from gate.oci.filesystem import Chooser


def choosers() -> Mapping[str, Chooser]:
    """The collectors of these families, by name."""
    return {**elf_use.choosers(), python.RECORD: python.choose_record}


def find(view: View, subject: Subject, env: Sequence[EnvOverride], packages: Owners) -> list[Found]:
    """What each family finds."""
    wheels = python.Wheels(view.files, packages)
    return [elf_use.find(view, subject, env, packages, wheels), python.find(view, packages)]

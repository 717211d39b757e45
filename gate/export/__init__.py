"""Admission policies for clusters, made from the same demands that ``gate verify-vsa`` checks. Pure: demands in, YAML out."""

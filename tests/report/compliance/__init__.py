"""Reports for auditors."""

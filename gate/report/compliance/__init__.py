"""Reports for auditors: every control that the verdict is about, once, in the formats that they read."""

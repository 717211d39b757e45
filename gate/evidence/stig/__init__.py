"""Results of STIG scanners and checklists: XCCDF and ARF, CKL, CKLB, HDF and InSpec, dockle, OSCAL assessment results."""

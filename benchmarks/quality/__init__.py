"""UCLS beside its peers on the very same features: methods, records, pages and plots."""

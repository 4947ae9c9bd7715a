"""The rewriter's passes, one file per family of rules."""

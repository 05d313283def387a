"""The compiler's passes, one per file; ``lab.plan.compile`` lists them in order."""

"""Benchmarks: what FlowForge does on this machine, beside a bare limit measured in the same run."""

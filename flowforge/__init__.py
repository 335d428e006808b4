"""FlowForge: a self-hosted Zapier in pure Python."""

__version__ = "0.1.0"

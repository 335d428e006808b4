"""FlowForge: a self-hosted Zapier in pure Python."""

"""What pages are made of: drawing only, no services and no database."""

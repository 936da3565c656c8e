"""Commands that pass files from one builder to another, and what they exchange."""

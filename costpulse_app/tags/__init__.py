"""Parts of the page Tag compliance."""

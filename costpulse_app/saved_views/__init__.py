"""Views that people keep: the popover in the header, and links that open them."""

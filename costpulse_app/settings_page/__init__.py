"""The page Settings & audit: how it is set, who may do what, who changed what."""

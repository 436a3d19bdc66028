"""The page Reports: what was made and is being made, the files, and the form to ask for another."""

"""The pages: one file each, run by the entry script after the frame."""

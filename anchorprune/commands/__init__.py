"""The sub-commands of `anchorprune`, one module each: files in, files out."""

"""Detectors of any framework: what the commands ask of them, and a folder for each framework that answers."""

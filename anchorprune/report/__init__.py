"""Tables and plots from the files of the stages before."""

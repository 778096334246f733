"""The page Train: the form of a new run, the list of runs, and watching one."""

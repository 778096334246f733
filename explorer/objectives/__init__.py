"""Estimators of the bound, and what training maximises. They only compute: no logging, no storing."""

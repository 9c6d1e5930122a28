"""Scenarios of known truth: a fault is planted whose removal was measured, and the diagnosis is asked why."""

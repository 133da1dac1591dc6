"""What an EDL and the settings of a timeline must hold, part by part.

`beatstitch_core.edl_invariants.validate_edl` puts the parts together.
"""

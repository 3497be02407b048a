"""Checks from outside that nothing was lost: a recorded history against what Parley promises.

It imports nothing of Parley, so it cannot share a mistake with what it judges.
"""

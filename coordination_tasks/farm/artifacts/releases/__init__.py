"""What users get: the good builds, and which of them the destinations offer.

How a destination is written belongs to the pipelines; what a job made, to the room above.
"""

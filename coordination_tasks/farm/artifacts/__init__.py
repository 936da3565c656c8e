"""The artifacts of jobs after they were made: copied, verified and compared, by their manifests.

How they are made and listed belongs to `pipelines`.
"""

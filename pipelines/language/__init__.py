"""The language of `pipelines.yaml`: entries, parameters, names and loading.

What a pipeline is once read belongs to `domain`.
"""

"""The language of `pipelines.yaml`: entries, parameters, names and loading.

The pipelines that result from reading belong to `domain`.
"""

"""Commands that bring what a job left on its builder to a person: logs and artifacts.

Commands about the state of jobs belong to the rooms beside this one.
"""

"""The ways to tell somebody, a module each, and their choice by the entries of `farm.yaml`."""

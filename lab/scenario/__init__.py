"""Scenarios: claims about a running lab that are checked step by step."""

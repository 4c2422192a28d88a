"""What people decided: the curated tables, and the code that reads, checks and settles them.

For curators and for the stages that apply decisions; imports no other room.
"""

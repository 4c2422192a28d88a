"""What the hierarchy is: pure functions over tables, for anyone who asks why a label was given.

No network, and no reading or writing outside a function's arguments.
"""

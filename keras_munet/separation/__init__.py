"""Separation of songs of any length, at their own rate, in constant memory."""

"""Tests of the embedded authority."""

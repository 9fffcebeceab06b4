"""Helpers that all three packages share: files, images, tables, statistics, the Hub, pages and charts."""

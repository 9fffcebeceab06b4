"""What results say to people: tables, pages, comparisons, submissions."""

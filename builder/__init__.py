"""What runs the pages and makes the site."""

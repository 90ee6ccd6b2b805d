"""Know your data: figures of a label table and its tiles, and a page that explains them."""

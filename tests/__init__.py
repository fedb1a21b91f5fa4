"""The tests. They run the product as an ordinary user, whoever runs pytest (see `product.py`)."""

"""The product's one command. Where only a part of the product is installed, it has the words of that part."""
